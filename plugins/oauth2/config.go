package oauth2

import (
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/login"
)

// Config is the configuration of the oauth2 plugin.
type Config struct {
	login.Config
	// Features say what a session is like.
	Features Features `json:"features,omitzero"`
	// Assertions are what a login must be like besides, or it is denied with 403.
	Assertions Assertions `json:"assertions,omitzero"`
}

// Features are those of every login, and how to find out who logged in.
type Features struct {
	login.Features
	// UserInfo says who tells about the person. Default the issuer's userinfo_endpoint. One of the two is required, unless
	// fetch_userinfo is false.
	UserInfo UserInfo `json:"userinfo,omitzero"`
}

// UserInfo is who tells about the person.
type UserInfo struct {
	// Provider is github, or generic, an endpoint that answers with a JSON object.
	Provider string `json:"provider,omitempty" enum:"github,generic"`
	// Config says what to ask.
	Config UserInfoConfig `json:"config,omitzero"`
}

// UserInfoConfig says what to ask.
type UserInfoConfig struct {
	// FetchTeams adds the person's teams, in all organizations, as teams. It needs the scope read:org.
	FetchTeams bool `json:"fetch_teams,omitempty"`
	// FetchOrganizations adds the person's organizations. Private ones need the scope read:org.
	FetchOrganizations bool `json:"fetch_organizations,omitempty"`
	// FetchEmails adds the person's addresses as emails. It needs the scope user:email.
	FetchEmails bool `json:"fetch_emails,omitempty"`
	// URL is the generic endpoint, or where GitHub's API is. Default https://api.github.com for github, and the issuer's
	// userinfo_endpoint for generic.
	URL string `json:"url,omitempty" example:"https://github.example.com/api/v3"`
	// Subject is the member that names a person for good. Default id for github, else the first there is of sub, id,
	// user_id and login.
	Subject string `json:"subject,omitempty"`
}

// Assertions are rules, and one check.
type Assertions struct {
	// Exp ends a session whose tokens have expired and cannot be refreshed. Default true in native tokens.
	Exp *bool `json:"exp,omitempty"`
	// AccessToken rules see the claims of the access token, if it is a JWT.
	AccessToken assertion.Rules `json:"access_token,omitempty"`
	// UserInfo rules see what is said about the person.
	UserInfo assertion.Rules `json:"userinfo,omitempty"`
}

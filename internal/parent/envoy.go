package parent

// parseEnvoy reads what Envoy's HTTP ext_authz filter sends: method and Host are the parent's own, the path is
// appended to the configured prefix. X-Forwarded-Host is not read: Envoy passes on what the client put there.
func parseEnvoy(in Input) (Request, error) {
	proto, err := required(in.Header, hProto)
	if err != nil {
		return Request{}, err
	}
	r := raw{
		method: in.Method, proto: proto, host: in.Host, uri: in.Suffix,
		methodName: "method", protoName: hProto, hostName: "Host", uriName: "path of the verify URL",
	}
	return r.check()
}

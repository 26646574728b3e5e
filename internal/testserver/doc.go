// Package testserver starts what a test talks to and users have, too: databases, directories, an OpenID provider,
// nginx and a browser. They have private folders and ports of their own on loopback, and are stopped by their process
// ids when the test ends. A missing binary fails the test and names the Debian package; make setup installs them all.
//
// Servers die with the test binary, also when it panics or is killed.
package testserver

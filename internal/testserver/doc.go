// Package testserver starts real databases and directories for tests: private folders, loopback, ports of their own, stopped
// by their process ids when the test ends. A missing binary fails the test and names the Debian package.
//
// Servers die with the test binary, also when it panics or is killed.
package testserver

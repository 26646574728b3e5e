// Package nginx_test runs the recipe of this folder against a real nginx (build tag integration).
package nginx_test

// Package spa_test runs the example in a browser.
package spa_test

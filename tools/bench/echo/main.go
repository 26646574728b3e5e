// Command echo is the yardstick of tools/bench: a bare labstack/echo handler with one route, which answers 200.
// It takes the address to listen on.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: echo ADDRESS")
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/verify", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	log.Fatal(e.Start(os.Args[1]))
}

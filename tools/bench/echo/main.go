// Command echo is the yardstick of tools/bench: a bare labstack/echo handler that answers 200 to everything.
// It takes the address to listen on.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: echo ADDRESS")
	}
	e := echo.New()
	e.Any("/*", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	srv := &http.Server{Addr: os.Args[1], Handler: e, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

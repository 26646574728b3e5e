//go:build linux

package testserver

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A Browser is a tab of a Chromium. What it cannot do within half a minute fails the test. It resolves every name below
// localhost to 127.0.0.1, where Secure cookies need no TLS.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// browserPatience bounds one action.
const browserPatience = 30 * time.Second

// Chromium starts a browser with an empty profile. Preferences are Chromium's own, in JSON; "" is none.
func Chromium(t testing.TB, preferences string) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary(t, "chromium", "chromium")), chromedp.NoSandbox, chromedp.WindowSize(1100, 800),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	// a browser that ends writes into it, so that t.TempDir cannot remove it
	profile, err := os.MkdirTemp("", "testserver-")
	if err != nil {
		t.Fatal(err)
	}
	if preferences != "" {
		file := filepath.Join(profile, "Default", "Preferences")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(preferences), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(options, chromedp.UserDataDir(profile))...)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithLogf(t.Logf))
	t.Cleanup(func() {
		cancel()
		stop()
		_ = os.RemoveAll(profile)
	})
	b := &Browser{t, ctx}
	b.do(chromedp.Navigate("about:blank")) // the browser lives as long as the first context that it is used with
	return b
}

// Tab opens another tab, with the same cookies.
func (b *Browser) Tab() *Browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	return &Browser{b.t, ctx}
}

// Stranger opens a tab that shares no cookies with others.
func (b *Browser) Stranger() *Browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	return &Browser{b.t, ctx}
}

// Open goes to a URL, and returns the status of the page where that ends.
func (b *Browser) Open(url string) int {
	b.t.Helper()
	res := run(b, chromedp.NavigateResponse(url))
	if res == nil {
		b.t.Fatalf("%s: no answer", url)
	}
	return int(res.Status)
}

// Click presses what has an id, and waits for the page that it leads to.
func (b *Browser) Click(id string) {
	b.t.Helper()
	run(b, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.ID(id))))
}

// Wait waits for what has an id to be visible.
func (b *Browser) Wait(id string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.ID(id)))
}

// URL is where the tab is.
func (b *Browser) URL() string {
	b.t.Helper()
	return run(b, chromedp.Location())
}

// Text is what the page says.
func (b *Browser) Text() string {
	b.t.Helper()
	return run(b, chromedp.Evaluate[string]("document.body.innerText"))
}

// Cookies are those that a request to a URL carries, by name.
func (b *Browser) Cookies(url string) map[string]network.Cookie {
	b.t.Helper()
	all := map[string]network.Cookie{}
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		got, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
		for _, c := range got.Cookies {
			all[c.Name] = *c
		}
		return err
	}))
	return all
}

// Screenshot keeps a picture of the page, in the folder $EASGATE_SCREENSHOTS or among the artifacts of the test.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("EASGATE_SCREENSHOTS")
	if dir == "" {
		dir = b.t.ArtifactDir()
	}
	picture := run(b, chromedp.CaptureScreenshot())
	name = strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name() + " " + name)
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Eval runs JavaScript in the page and returns its value, that of a promise when it is settled.
func Eval[T any](b *Browser, script string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

func (b *Browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, chromedp.Steps(steps...))
}

func run[T any](b *Browser, a chromedp.Action[T]) T {
	b.t.Helper()
	// Not a context of its own: the first one that an action runs with is the browser's life.
	value, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (T, error) {
		ctx, cancel := context.WithTimeout(ctx, browserPatience)
		defer cancel()
		return a(ctx, t)
	})
	if err != nil {
		b.t.Fatalf("browser at %s: %v", b.where(), err)
	}
	return value
}

// where is where the tab is, as far as that can be told.
func (b *Browser) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	url, _ := chromedp.Run(ctx, chromedp.Location())
	return url
}

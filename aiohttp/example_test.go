package aiohttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
)

// hello is the server of the examples.
func hello() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.Error(w, "no such page", http.StatusNotFound)
		case "/json":
			io.WriteString(w, `{"name": "quartet", "players": 4}`)
		case "/slow":
			<-r.Context().Done()
		case "/echo":
			io.Copy(w, r.Body)
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "user", Value: "ana", Path: "/"})
		case "/whoami":
			fmt.Fprint(w, r.Header.Get("Cookie"))
		default:
			fmt.Fprintf(w, "hello, %s", r.URL.RawQuery)
		}
	}))
}

func ExampleSession() {
	srv := hello()
	defer srv.Close()
	ctx := context.Background()

	session, err := aiohttp.NewSession(&aiohttp.SessionOptions{BaseURL: srv.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()

	resp, err := session.Get(ctx, "/", &aiohttp.RequestOptions{Params: aiohttp.Params("name", "世界")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	text, err := resp.Text(ctx)
	fmt.Println(resp.Status, resp.Header.Get("content-TYPE"), text, err)
	// Output: 200 text/plain; charset=utf-8 hello, name=%E4%B8%96%E7%95%8C <nil>
}

func ExampleResponse_JSON() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()

	resp, err := session.Get(context.Background(), srv.URL+"/json", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	var v struct {
		Name    string
		Players int
	}
	err = resp.JSON(context.Background(), &v)
	fmt.Println(v, err)
	// Output: {quartet 4} <nil>
}

func ExampleStatusError() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{RaiseForStatus: true})
	defer session.Close()

	_, err := session.Get(context.Background(), srv.URL+"/missing", nil)
	if status, ok := errors.AsType[*aiohttp.StatusError](err); ok {
		fmt.Printf("%d %s: %s", status.Status, status.Reason, status.Body)
	}
	// Output: 404 Not Found: no such page
}

func ExampleTimeoutError() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()

	_, err := session.Get(context.Background(), srv.URL+"/slow", &aiohttp.RequestOptions{
		Timeouts: aiohttp.Timeouts{FirstByte: 10 * time.Millisecond},
	})
	if timeout, ok := errors.AsType[*aiohttp.TimeoutError](err); ok {
		fmt.Println(timeout)
	}
	// Output: aiohttp: waiting for the answer took longer than 10ms
}

func ExampleBody() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()

	for _, body := range []*aiohttp.Body{
		aiohttp.Text("text"),
		aiohttp.JSON([]int{1, 2}),
		aiohttp.FormValues(url.Values{"a": {"1"}}),
		aiohttp.Reader(strings.NewReader("streamed")),
	} {
		resp, err := session.Post(context.Background(), srv.URL+"/echo", &aiohttp.RequestOptions{Body: body})
		if err != nil {
			fmt.Println(err)
			return
		}
		text, _ := resp.Text(context.Background())
		fmt.Println(text, body.Replayable())
		resp.Close()
	}
	// Output:
	// text true
	// [1,2] true
	// a=1 true
	// streamed false
}

func ExampleCookieJar() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()

	for _, path := range []string{"/login", "/whoami"} {
		resp, err := session.Get(context.Background(), srv.URL+path, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		text, _ := resp.Text(context.Background())
		fmt.Printf("%s %q\n", path, text)
		resp.Close()
	}
	// Output:
	// /login ""
	// /whoami "user=ana"
}

func ExampleConnector() {
	srv := hello()
	defer srv.Close()
	pool := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Limit: 10, PerHost: 2})
	defer pool.Close()

	// Two sessions with cookies of their own on the same connections.
	for range 2 {
		session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Connector: pool})
		resp, err := session.Get(context.Background(), srv.URL, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Bytes(context.Background())
		resp.Close()
		session.Close()
	}
	stats := pool.Stats()
	fmt.Println(stats.Dials, stats.Reused, stats.Idle)
	// Output: 1 1 1
}

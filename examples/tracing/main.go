// Tracing tells what happens in the life of a request, and how long it took.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/quartet-go/quartet/aiohttp"
)

// tell prints each event. It is called for every request of the session.
func tell(_ context.Context, e aiohttp.TraceEvent) {
	switch e.Kind {
	case aiohttp.TraceRequestStart:
		fmt.Printf("%s for %v\n", e.Kind, e.Value)
	case aiohttp.TraceRequestRedirect, aiohttp.TraceRequestEnd:
		fmt.Printf("  %s: %d\n", e.Kind, e.Response.Status)
	case aiohttp.TraceResponseChunkReceived:
		fmt.Printf("  %s: %d bytes\n", e.Kind, e.Bytes)
	default:
		fmt.Println(" ", e.Kind)
	}
}

func run(ctx context.Context, url string) error {
	session, err := aiohttp.NewSession(&aiohttp.SessionOptions{Traces: []aiohttp.Trace{tell}})
	if err != nil {
		return err
	}
	defer session.Close()

	for _, who := range []string{"ana", "ben"} {
		resp, err := session.Get(ctx, url+"/old", &aiohttp.RequestOptions{TraceValue: who})
		if err != nil {
			return err
		}
		defer resp.Close()
		if _, err := resp.Bytes(ctx); err != nil {
			return err
		}
		t := resp.Timings()
		fmt.Println("  reused:", t.Reused, "waited for the first byte:", t.FirstByte > 0)
	}
	return nil
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
			return
		}
		fmt.Fprint(w, "here I am")
	}))
	defer server.Close()
	if err := run(context.Background(), server.URL); err != nil {
		log.Print(err)
	}
}

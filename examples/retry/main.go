// Retry asks a busy server again, and never faster than it can bear.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
)

const perSecond = 50

func run(ctx context.Context, url string) error {
	session, err := aiohttp.NewSession(&aiohttp.SessionOptions{
		// The first is outermost: each try of a request waits for its turn.
		Middleware: []aiohttp.Middleware{
			aiohttp.Retry(&aiohttp.RetryOptions{
				Attempts: 5,
				Delay:    10 * time.Millisecond,
				OnRetry: func(_ *aiohttp.Request, attempt int, _ time.Duration, resp *aiohttp.Response, _ error) {
					fmt.Println("  attempt", attempt, "met status", resp.Status)
				},
			}),
			aiohttp.RateLimit(&aiohttp.RateOptions{PerSecond: perSecond}),
		},
	})
	if err != nil {
		return err
	}
	defer session.Close()

	begin := time.Now()
	for i := range 3 {
		resp, err := session.Get(ctx, fmt.Sprint(url, "/", i), nil)
		if err != nil {
			return err
		}
		resp.Close()
		fmt.Println("request", i, "met status", resp.Status)
	}
	// What may not be done twice is not: a POST is sent once.
	resp, err := session.Post(ctx, url+"/order", nil)
	if err != nil {
		return err
	}
	defer resp.Close()
	fmt.Println("order met status", resp.Status)

	least := time.Duration(asked.Load()-1) * time.Second / perSecond
	fmt.Println(asked.Load(), "requests, no faster than allowed:", time.Since(begin) >= least)
	return nil
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	if err := run(context.Background(), server.URL); err != nil {
		log.Print(err)
	}
}

var asked atomic.Int64

// serve is busy the first two times, and whenever somebody orders.
func serve(w http.ResponseWriter, r *http.Request) {
	if asked.Add(1) <= 2 || r.Method == "POST" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

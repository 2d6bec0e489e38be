// Session talks to an API: what its requests share is said once.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/quartet-go/quartet/aiohttp"
)

type book struct {
	Title string
	Year  int
}

func run(ctx context.Context, api string) error {
	session, err := aiohttp.NewSession(&aiohttp.SessionOptions{
		BaseURL:        api + "/v1/",
		Header:         http.Header{"Accept": {"application/json"}},
		Auth:           &aiohttp.BasicCredentials{User: "ana", Password: "secret"},
		RaiseForStatus: true,
	})
	if err != nil {
		return err
	}
	defer session.Close() // and all its connections

	resp, err := session.Post(ctx, "books", &aiohttp.RequestOptions{JSON: book{"Momo", 1973}})
	if err != nil {
		return err
	}
	defer resp.Close()
	fmt.Println("added:", resp.Status, resp.Header.Get("Location"))

	resp, err = session.Get(ctx, "books", &aiohttp.RequestOptions{Params: aiohttp.Params("before", "1980", "sort", "title")})
	if err != nil {
		return err
	}
	defer resp.Close()
	var found []book
	if err := resp.JSON(ctx, &found); err != nil {
		return err
	}
	fmt.Println("found:", found)

	_, err = session.Get(ctx, "books/7", nil)
	if status, ok := errors.AsType[*aiohttp.StatusError](err); ok {
		fmt.Printf("refused: %d, because %s", status.Status, status.Body)
	}
	stats := session.Connector().Stats()
	fmt.Println("connections:", stats.Dials, "used again:", stats.Reused)
	return nil
}

func main() {
	api := httptest.NewServer(http.HandlerFunc(serve))
	defer api.Close()
	if err := run(context.Background(), api.URL); err != nil {
		log.Fatal(err)
	}
}

var books []book

func serve(w http.ResponseWriter, r *http.Request) {
	user, _, _ := r.BasicAuth()
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/books":
		var b book
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		books = append(books, b)
		w.Header().Set("Location", "/v1/books/1")
		w.WriteHeader(http.StatusCreated)
	case "GET /v1/books":
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(books)
	default:
		http.Error(w, user+" has no such book", http.StatusNotFound)
	}
}

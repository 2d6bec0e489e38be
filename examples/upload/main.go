// Upload sends a file in a form, and a stream whose length nobody knows.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/quartet-go/quartet/aiohttp"
)

func run(ctx context.Context, url, dir string) error {
	session, err := aiohttp.NewSession(nil)
	if err != nil {
		return err
	}
	defer session.Close()

	name := filepath.Join(dir, "report.txt")
	if err := os.WriteFile(name, []byte("all is well\n"), 0o600); err != nil {
		return err
	}
	// A file is opened anew for each sending: a redirect or a retry can send it again.
	form := aiohttp.Form(
		aiohttp.FormField{Name: "title", Value: "Report of May"},
		aiohttp.FormField{Name: "file", FileName: "report.txt", Body: aiohttp.File(name)},
	)
	if err := post(ctx, session, url+"/form", form); err != nil {
		return err
	}

	// What is read once is sent once; of unknown length, it goes in chunks.
	lines, out := io.Pipe()
	go func() {
		for i := range 3 {
			fmt.Fprintf(out, "measurement %d\n", i)
		}
		out.Close()
	}()
	return post(ctx, session, url+"/stream", aiohttp.Reader(lines).Typed("text/plain"))
}

func post(ctx context.Context, session *aiohttp.Session, url string, body *aiohttp.Body) error {
	resp, err := session.Post(ctx, url, &aiohttp.RequestOptions{Body: body})
	if err != nil {
		return err
	}
	defer resp.Close()
	text, err := resp.Text(ctx)
	fmt.Print(text)
	return err
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	dir, err := os.MkdirTemp("", "upload-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), server.URL, dir); err != nil {
		log.Print(err)
	}
}

func serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/form" {
		file, head, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		defer file.Close()
		fmt.Fprintf(w, "%q with %s, %d bytes of %s\n", r.FormValue("title"), head.Filename, head.Size, head.Header.Get("Content-Type"))
		return
	}
	body, err := io.ReadAll(r.Body)
	fmt.Fprintln(w, "a stream of", len(body), "bytes,", r.TransferEncoding, err)
}

// Cookies keeps a login from one run to the next: the jar is saved in a file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/quartet-go/quartet/aiohttp"
)

// visit is one run of a program.
func visit(ctx context.Context, url, file string) error {
	jar := aiohttp.NewCookieJar(nil)
	if err := jar.Load(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	session, err := aiohttp.NewSession(&aiohttp.SessionOptions{Jar: jar})
	if err != nil {
		return err
	}
	defer session.Close()

	resp, err := session.Get(ctx, url+"/home", nil)
	if err != nil {
		return err
	}
	defer resp.Close()
	text, err := resp.Text(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("after %d redirects: %s\n", len(resp.History), text)
	for _, c := range jar.All() {
		fmt.Println("  kept:", c.Name, "for", c.Path)
	}
	return jar.Save(file) // for its owner's eyes only
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	dir, err := os.MkdirTemp("", "cookies-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "cookies.json")
	for range 2 {
		if err := visit(context.Background(), server.URL, file); err != nil {
			log.Print(err)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println("the file is", info.Mode())
}

// serve sends who is not known to the login, which knows everybody.
func serve(w http.ResponseWriter, r *http.Request) {
	who, err := r.Cookie("user")
	switch {
	case r.URL.Path == "/login":
		http.SetCookie(w, &http.Cookie{Name: "user", Value: "ana", Path: "/", MaxAge: 3600, HttpOnly: true})
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	case err != nil:
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	default:
		fmt.Fprintf(w, "hello, %s", who.Value)
	}
}

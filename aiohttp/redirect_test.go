package aiohttp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/aiohttp"
)

// redirector answers /hop?status=S&to=URL with a redirect, anything else with what it saw.
func redirector(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if q := r.URL.Query(); q.Has("to") {
		var status int
		fmt.Sscan(q.Get("status"), &status)
		w.Header().Set("Location", q.Get("to"))
		w.Header().Add("Set-Cookie", "hop=1; Path=/")
		w.WriteHeader(status)
		return
	}
	fmt.Fprintf(w, "%s body=%q type=%q auth=%q proxyauth=%q cookie=%q x=%q", r.Method, body,
		r.Header.Get("Content-Type"), strings.Join(r.Header["Authorization"], ","), r.Header.Get("Proxy-Authorization"),
		r.Header.Get("Cookie"), r.Header.Get("X-Mine"))
}

// TestRedirectMatrix goes through status × method × body × change of origin.
func TestRedirectMatrix(t *testing.T) {
	t.Parallel()
	plain, other := serve(t, redirector), serve(t, redirector)
	secure := httptest.NewTLSServer(http.HandlerFunc(redirector))
	t.Cleanup(secure.Close)
	origins := []struct {
		name, from, to string
		same, host     bool // cookies of the jar do not care about the port
	}{
		{"same", plain.URL, plain.URL, true, true},
		{"port", plain.URL, other.URL, false, true},
		{"host", plain.URL, strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), false, false},
		{"subdomain", strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), strings.Replace(plain.URL, "127.0.0.1", "a.localhost", 1), false, false},
		{"http to https", plain.URL, secure.URL, false, true},
		{"https to http", secure.URL, plain.URL, false, true},
		{"relative", plain.URL, "", true, true},
	}
	conn := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Resolver: loopback{}})
	t.Cleanup(func() { conn.Close() })
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
			for _, kind := range []string{"none", "bytes", "reader"} {
				for _, o := range origins {
					name := fmt.Sprintf("%d %s %s %s", status, method, kind, o.name)
					s := newSession(t, &aiohttp.SessionOptions{Connector: conn, TLS: &aiohttp.TLSOptions{Insecure: true}})
					opts := &aiohttp.RequestOptions{
						Header: http.Header{"Authorization": {"Bearer t", "second"}, "Proxy-Authorization": {"p"}, "X-Mine": {"x"}, "Cookie": {"own=1"}},
						Params: aiohttp.Params("status", fmt.Sprint(status), "to", o.to+"/end"),
					}
					switch kind {
					case "bytes":
						opts.Body = aiohttp.Text("data")
					case "reader":
						opts.Body = aiohttp.Reader(strings.NewReader("data"))
					}
					becomesGET := status == 303 && method != "HEAD" || status <= 302 && method == "POST"
					resp, err := s.Do(t.Context(), method, o.from+"/hop", opts)
					if kind == "reader" && !becomesGET {
						if !errors.Is(err, aiohttp.ErrBodyConsumed) {
							t.Errorf("%s: %v, want ErrBodyConsumed", name, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					got, _ := resp.Text(t.Context())
					want := wantSeen(method, kind, becomesGET, o.same, o.host)
					if method == "HEAD" {
						want = ""
					}
					if got != want || len(resp.History) != 1 || resp.History[0].Status != status {
						t.Errorf("%s: server saw\n%s, want\n%s (history %d)", name, got, want, len(resp.History))
					}
					resp.Close()
				}
			}
		}
	}
	if n := conn.Stats().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

// wantSeen is what the last server must have seen.
func wantSeen(method, kind string, becomesGET, sameOrigin, jarMatches bool) string {
	body, contentType := "data", "text/plain; charset=utf-8"
	if becomesGET {
		method = "GET"
	}
	if kind == "none" || becomesGET {
		body, contentType = "", ""
	}
	auth, proxyAuth, cookies := "", "", []string(nil)
	if sameOrigin {
		auth, proxyAuth, cookies = "Bearer t,second", "p", append(cookies, "own=1")
	}
	if jarMatches {
		cookies = append(cookies, "hop=1")
	}
	return fmt.Sprintf("%s body=%q type=%q auth=%q proxyauth=%q cookie=%q x=%q", method, body, contentType, auth, proxyAuth,
		strings.Join(cookies, "; "), "x")
}

// Credentials that were dropped on the way to another origin do not come back
// with the way back.
func TestRedirectBack(t *testing.T) {
	t.Parallel()
	a, b := serve(t, redirector), serve(t, redirector)
	s := newSession(t, nil)
	back := b.URL + "/hop?status=302&to=" + a.URL + "/end"
	got := text(t, s, a.URL+"/hop", &aiohttp.RequestOptions{
		Params: aiohttp.Params("status", "302", "to", back),
		Header: http.Header{"Cookie": {"own=1"}},
		Auth:   &aiohttp.BasicCredentials{User: "u", Password: "secret"},
	})
	if strings.Contains(got, "Basic") || strings.Contains(got, "own=1") {
		t.Errorf("after the way back: %s", got)
	}
}

func TestRedirectLimits(t *testing.T) {
	t.Parallel()
	hops := 0
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hops++
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if n == 0 {
			io.WriteString(w, "end")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d", n-1), http.StatusFound)
	})
	s := newSession(t, nil)
	resp, err := s.Get(t.Context(), srv.URL+"/10#frag", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Close()
	if len(resp.History) != 10 || resp.History[0].URL.Path != "/10" || resp.URL.Fragment != "frag" {
		t.Errorf("history of %d, first %v, last %v", len(resp.History), resp.History[0].URL, resp.URL)
	}
	hops = 0
	if _, err := s.Get(t.Context(), srv.URL+"/11", nil); !errors.Is(err, aiohttp.ErrTooManyRedirects) || hops != 11 {
		t.Errorf("11 redirects: %v after %d requests", err, hops)
	}
	if _, err := s.Get(t.Context(), srv.URL+"/3", &aiohttp.RequestOptions{MaxRedirects: 2}); !errors.Is(err, aiohttp.ErrTooManyRedirects) {
		t.Errorf("limit of a request: %v", err)
	}
	resp, err = s.Get(t.Context(), srv.URL+"/1", &aiohttp.RequestOptions{NoRedirect: true})
	if err != nil || resp.Status != 302 {
		t.Errorf("NoRedirect: %v", err)
	}
	resp.Close()
}

func TestRedirectTargets(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); r.URL.Path == "/from" && (to != "" || r.URL.RawQuery == "") {
			if to != "" {
				w.Header().Set("Location", to)
			}
			w.WriteHeader(302)
			return
		}
		io.WriteString(w, r.RequestURI)
	})
	s := newSession(t, nil)
	for to, want := range map[string]any{
		"/a%2fb|c?d=%41":         "/a%2fb|c?d=%41",
		"x":                      "/x",
		"?q":                     "/from?q",
		"//" + srv.URL[7:] + "/": "/",
		"/../up":                 "/up",
		"/sp ace/é":              "/sp%20ace/%C3%A9",
		"ftp://h/":               aiohttp.ErrNonHTTPURL,
		"http://":                aiohttp.ErrRedirect,
		"http://h:bad/":          aiohttp.ErrInvalidURL,
		"javascript:alert(1)":    aiohttp.ErrRedirect,
	} {
		resp, err := s.Get(t.Context(), srv.URL+"/from", &aiohttp.RequestOptions{Params: aiohttp.Params("to", to)})
		if class, ok := want.(error); ok {
			if !errors.Is(err, class) || !errors.Is(err, aiohttp.ErrRedirect) {
				t.Errorf("to %q: %v, want %v", to, err, class)
			}
			continue
		}
		if err != nil {
			t.Errorf("to %q: %v", to, err)
			continue
		}
		if got, _ := resp.Text(t.Context()); got != want {
			t.Errorf("to %q: server saw %q, want %q", to, got, want)
		}
		resp.Close()
	}
	resp, err := s.Get(t.Context(), srv.URL+"/from", nil)
	if err != nil || resp.Status != 302 {
		t.Errorf("without Location: %v", err)
	}
	resp.Close()
}

package aiohttp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzSetCookie(f *testing.F) {
	for _, s := range []string{
		"a=1", "a=1; Path=/; Domain=a.org; Max-Age=5; Secure; HttpOnly; SameSite=Lax",
		"a=1; Expires=Wed, 09 Jun 2099 10:18:14 GMT", "=x", "x", ";;;", "__Host-a=1; Secure; Path=/", "a=\x00",
	} {
		f.Add(s)
	}
	u := &url.URL{Scheme: "https", Host: "www.a.org", Path: "/x"}
	f.Fuzz(func(t *testing.T, line string) {
		j := NewCookieJar(nil)
		j.SetFromHeader(u, []string{line})
		for _, c := range j.All() {
			if !domainMatch("www.a.org", c.Domain) || !strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.pair(), "\r\n;") || c.expired(time.Now()) {
				t.Errorf("%q was kept as %+v", line, c)
			}
			// What is kept survives its own header and both files.
			k := NewCookieJar(nil)
			k.SetFromHeader(u, []string{c.String()})
			if all := k.All(); len(all) == 1 && (all[0].pair() != c.pair() || all[0].Path != c.Path || all[0].HostOnly != c.HostOnly) {
				t.Errorf("%q became %q", c, all[0])
			}
			var b bytes.Buffer
			if err := j.WriteNetscape(&b); err != nil {
				t.Fatal(err)
			}
			if err := NewCookieJar(nil).ReadNetscape(&b); err != nil {
				t.Errorf("%q: its own file: %v", line, err)
			}
		}
	})
}

func FuzzContentDisposition(f *testing.F) {
	for _, s := range []string{`attachment; filename="a"`, `inline; filename*=UTF-8''%2e%2e%2fx`, `a; filename="C:\\x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, h string) {
		if cd := parseDisposition(h); cd != nil && (strings.ContainsAny(cd.FileName, "/\\\x00\r\n") || cd.FileName == "..") {
			t.Errorf("%q gave the name %q", h, cd.FileName)
		}
	})
}

func FuzzLink(f *testing.F) {
	for _, s := range []string{`<a>; rel=next`, `<a>; rel="x y"; title="a, b", <c>`, `<`, `<a>;;;`} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "http", Host: "h", Path: "/d/p"}
	f.Fuzz(func(t *testing.T, h string) {
		r := &Response{Header: http.Header{"Link": {h}}, URL: base}
		for _, l := range r.Links() {
			if l.URL == nil || l.Params["rel"] != "" {
				t.Errorf("%q gave %+v", h, l)
			}
		}
	})
}

func FuzzChallenge(f *testing.F) {
	for _, s := range []string{
		`Digest realm="a", nonce="b", qop="auth,auth-int", algorithm=SHA-256-sess`, `Basic realm="x", Digest nonce=y`,
		`Negotiate abc==, Digest nonce="\"\\"`, `Digest nonce="x`, `,,,=`,
	} {
		f.Add(s)
	}
	u := &url.URL{Scheme: "http", Host: "h", Path: "/"}
	f.Fuzz(func(t *testing.T, h string) {
		c := chooseChallenge([]string{h})
		if c == nil {
			return
		}
		value, err := c.answer(&Request{Method: "GET", URL: u}, "user", "secret", "c", 1)
		if err != nil || strings.Contains(value, "secret") && !strings.Contains(h, "secret") {
			t.Errorf("%q gave %q, %v", h, value, err)
		}
		// Our own answer reads as one challenge with the same nonce.
		if got := parseChallenges([]string{value}); len(got) != 1 || got[0].params["nonce"] != c.nonce {
			t.Errorf("%q was answered %q", h, value)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes */10", "bytes 5-9/*", "BYTES 1-1/2", "bytes 9-0/10", "bytes ０-9/10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, h string) {
		r, err := parseContentRange(h)
		if err != nil {
			return
		}
		if r.unsatisfied != (r.start < 0) || !r.unsatisfied && (r.end < r.start || r.total >= 0 && r.end >= r.total) {
			t.Errorf("%q gave %+v", h, r)
		}
		size := "*"
		if r.total >= 0 {
			size = fmt.Sprint(r.total)
		}
		again := fmt.Sprintf("bytes %d-%d/%s", r.start, r.end, size)
		if r.unsatisfied {
			again = "bytes */" + size
		}
		if r2, err := parseContentRange(again); err != nil || r2 != r {
			t.Errorf("%q gave %+v, written again %q gives %+v, %v", h, r, again, r2, err)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	for i, name := range []string{"gzip", "deflate", "br", "zstd"} {
		var b bytes.Buffer
		w, err := encoders[name](&b)
		if err != nil {
			f.Fatal(err)
		}
		io.WriteString(w, strings.Repeat("quartet ", 100))
		w.Close()
		f.Add(byte(i), b.Bytes())
		f.Add(byte(i), b.Bytes()[:b.Len()/2])
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		name := []string{"gzip", "deflate", "br", "zstd"}[which%4]
		const limit = 1 << 20
		d := newDecoder(bytes.NewReader(data), []string{name}, limit, 100)
		defer d.close()
		n, err := io.Copy(io.Discard, d)
		if n > limit {
			t.Errorf("%s of %d bytes gave %d (%v)", name, len(data), n, err)
		}
		if err == nil && n > 0 {
			// What decodes to its end was read to its end.
			if d.src.n != int64(len(data)) {
				t.Errorf("%s: %d of %d bytes were read", name, d.src.n, len(data))
			}
		}
	})
}

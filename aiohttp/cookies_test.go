package aiohttp_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartet-go/quartet/aiohttp"
)

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// sent is the Cookie header that a jar gives a URL.
func sent(t testing.TB, j *aiohttp.CookieJar, to string) string {
	t.Helper()
	var parts []string
	for _, c := range j.Cookies(mustURL(t, to)) {
		if c.Name == "" {
			parts = append(parts, c.Value)
		} else {
			parts = append(parts, c.Name+"="+c.Value)
		}
	}
	return strings.Join(parts, "; ")
}

// TestCookieVectors has the shape of the http-state suite: headers received
// from one URL, and what is sent to another.
func TestCookieVectors(t *testing.T) {
	t.Parallel()
	const home = "http://home.example.org:8888/cookie-parser"
	const result = "http://home.example.org:8888/cookie-parser-result"
	tests := []struct {
		name     string
		from     string
		received []string
		to       string
		sent     string
	}{
		{"pair", "", []string{"foo=bar"}, "", "foo=bar"},
		{"expires in the past", "", []string{"foo=bar; Expires=Fri, 07 Aug 2007 08:04:19 GMT"}, "", ""},
		{"two", "", []string{"foo=bar; Expires=Fri, 07 Aug 2007 08:04:19 GMT", "foo2=bar2; Expires=Fri, 07 Aug 2099 08:04:19 GMT"}, "", "foo2=bar2"},
		{"bare word", "", []string{"foo"}, "", "foo"},
		{"max-age", "", []string{"foo=bar; max-age=10000;"}, "", "foo=bar"},
		{"max-age 0", "", []string{"foo=bar; max-age=0;"}, "", ""},
		{"max-age negative", "", []string{"foo=bar; max-age=-1"}, "", ""},
		{"max-age with words", "", []string{"foo=bar; max-age=1440x"}, "", "foo=bar"},
		{"max-age beats expires", "", []string{"foo=bar; expires=Fri, 07 Aug 2007 08:04:19 GMT; max-age=500"}, "", "foo=bar"},
		{"max-age with a plus", "", []string{"foo=bar; max-age=+5; expires=Fri, 07 Aug 2007 08:04:19 GMT"}, "", ""},
		{"semicolons", "", []string{"foo=bar;;;"}, "", "foo=bar"},
		{"no attribute name", "", []string{"foo=bar; ="}, "", "foo=bar"},
		{"spaces", "", []string{"  foo  =  bar  "}, "", "foo=bar"},
		{"inner spaces", "", []string{"foo=b a r"}, "", "foo=b a r"},
		{"quotes kept", "", []string{`foo="bar"`}, "", `foo="bar"`},
		{"quoted semicolon", "", []string{`foo="b;ar"`}, "", `foo="b`},
		{"equal signs", "", []string{"foo=b=a=r"}, "", "foo=b=a=r"},
		{"empty value", "", []string{"foo="}, "", "foo="},
		{"empty name", "", []string{"=bar"}, "", "bar"},
		{"nothing", "", []string{""}, "", ""},
		{"only attributes", "", []string{"; foo=bar"}, "", ""},
		{"replaced", "", []string{"foo=bar", "foo=qux"}, "", "foo=qux"},
		{"replaced keeps its place", "", []string{"a=1", "b=2", "a=3"}, "", "a=3; b=2"},
		{"deleted", "", []string{"foo=bar", "foo=bar; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, "", ""},
		{"case of names", "", []string{"foo=1", "FOO=2"}, "", "foo=1; FOO=2"},
		{"control byte", "", []string{"foo=b\x01ar"}, "", ""},
		{"nul", "", []string{"foo=\x00bar"}, "", ""},
		{"tab", "", []string{"foo=b\tar"}, "", "foo=b\tar"},
		{"non ascii", "", []string{"foo=\xc3\xa9"}, "", "foo=é"},
		{"too large", "", []string{"foo=" + strings.Repeat("x", 5000)}, "", ""},
		{"secure from http", "", []string{"foo=bar; Secure"}, "", ""},
		{"secure", "https://home.example.org/", []string{"foo=bar; Secure"}, "https://home.example.org/x", "foo=bar"},
		{"secure to http", "https://home.example.org/", []string{"foo=bar; SECURE"}, "http://home.example.org/x", ""},
		{"secure on loopback", "http://localhost:1/", []string{"foo=bar; Secure"}, "http://localhost:2/", "foo=bar"},
		{"httponly", "", []string{"foo=bar; HttpOnly"}, "", "foo=bar"},
		{"path", "", []string{"foo=bar; path=/cookie-parser-result"}, "", "foo=bar"},
		{"path deeper", "", []string{"foo=bar; path=/cookie-parser-result/foo"}, "", ""},
		{"path prefix is not enough", "", []string{"foo=bar; path=/cookie-parser-res"}, "", ""},
		{"path with slash", "", []string{"foo=bar; path=/cookie-parser-result/"}, "http://home.example.org/cookie-parser-result", ""},
		{"path with slash below", "", []string{"foo=bar; path=/cookie-parser-result/"}, "http://home.example.org/cookie-parser-result/x", "foo=bar"},
		{"path without slash is the default", "", []string{"foo=bar; path=xyz"}, "", "foo=bar"},
		{"path twice, last counts", "", []string{"foo=bar; path=/x; path=/"}, "", "foo=bar"},
		{"path emptied", "", []string{"foo=bar; path=/x; path"}, "", "foo=bar"},
		{"path quoted", "", []string{`foo=bar; path="/"`}, "http://home.example.org/other/x", "foo=bar"},
		{"default path", "http://home.example.org/a/b/c", []string{"foo=bar"}, "http://home.example.org/a/b", "foo=bar"},
		{"default path elsewhere", "http://home.example.org/a/b/c", []string{"foo=bar"}, "http://home.example.org/a", ""},
		{"default path of a query", "http://home.example.org/a?/b/c", []string{"foo=bar"}, "http://home.example.org/", "foo=bar"},
		{"path is case sensitive", "", []string{"foo=bar; path=/Cookie"}, "http://home.example.org/cookie", ""},
		{"path encoded", "http://home.example.org/a%2fb/c", []string{"foo=bar"}, "http://home.example.org/a%2fb/d", "foo=bar"},
		{"longer paths first", "", []string{"a=1; path=/", "b=2; path=/cookie-parser-result", "c=3; path=/"}, "", "b=2; a=1; c=3"},
		{"same name, two paths", "", []string{"a=1; path=/", "a=2; path=/cookie-parser-result"}, "", "a=2; a=1"},
		{"domain", "", []string{"foo=bar; domain=home.example.org"}, "", "foo=bar"},
		{"domain above", "", []string{"foo=bar; domain=example.org"}, "http://other.example.org/", "foo=bar"},
		{"domain with dot", "", []string{"foo=bar; domain=.example.org"}, "http://example.org/", "foo=bar"},
		{"domain below", "", []string{"foo=bar; domain=sub.home.example.org"}, "http://sub.home.example.org/", ""},
		{"domain elsewhere", "", []string{"foo=bar; domain=other.org"}, "http://other.org/", ""},
		{"domain suffix without dot", "", []string{"foo=bar; domain=ample.org"}, "", ""},
		{"domain in capitals", "", []string{"foo=bar; DOMAIN=EXAMPLE.ORG"}, "http://HOME.example.ORG/", "foo=bar"},
		{"domain empty", "", []string{"foo=bar; domain="}, "", "foo=bar"},
		{"domain twice, last counts", "", []string{"foo=bar; domain=other.org; domain=example.org"}, "", "foo=bar"},
		{"domain a public suffix", "http://shop.co.uk/", []string{"foo=bar; domain=co.uk"}, "http://evil.co.uk/", ""},
		{"domain a private suffix", "http://ana.github.io/", []string{"foo=bar; domain=github.io"}, "http://evil.github.io/", ""},
		{"a public suffix for itself", "http://github.io/", []string{"foo=bar; domain=github.io"}, "http://github.io/", "foo=bar"},
		{"a public suffix is host-only", "http://github.io/", []string{"foo=bar; domain=github.io"}, "http://x.github.io/", ""},
		{"host-only", "", []string{"foo=bar"}, "http://sub.home.example.org/", ""},
		{"address", "http://192.0.2.1/", []string{"foo=bar"}, "http://192.0.2.1/", "foo=bar"},
		{"address as domain", "http://192.0.2.1/", []string{"foo=bar; domain=192.0.2.1"}, "http://192.0.2.1/", "foo=bar"},
		{"tail of an address", "http://192.0.2.1/", []string{"foo=bar; domain=2.1"}, "http://192.0.2.1/", ""},
		{"ports are one", "", []string{"foo=bar"}, "http://home.example.org:9/cookie-parser-result", "foo=bar"},
		{"__Secure-", "https://a.org/", []string{"__Secure-a=1; Secure", "__Secure-b=2", "__secure-c=3"}, "https://a.org/", "__Secure-a=1"},
		{"__Host-", "https://a.org/", []string{"__Host-a=1; Secure; Path=/", "__Host-b=1; Secure", "__Host-c=1; Secure; Path=/; Domain=a.org", "__HOST-d=1; Path=/"}, "https://a.org/", "__Host-a=1"},
		{"prefix in the value of no name", "https://a.org/", []string{"=__Host-a=1"}, "https://a.org/", ""},
		{"date without GMT", "", []string{"foo=bar; expires=Fri, 07 Aug 2099 08:04:19"}, "", "foo=bar"},
		{"date asctime", "", []string{"foo=bar; expires=Wed Aug  7 08:04:19 2007"}, "", ""},
		{"date two digits", "", []string{"foo=bar; expires=07-Aug-70 08:04:19 GMT"}, "", ""},
		{"date of nonsense", "", []string{"foo=bar; expires=tomorrow"}, "", "foo=bar"},
		{"date of February", "", []string{"foo=bar; expires=Fri, 31 Feb 2007 08:04:19 GMT"}, "", "foo=bar"},
		{"date hour 24", "", []string{"foo=bar; expires=Fri, 07 Aug 2007 24:04:19 GMT"}, "", "foo=bar"},
		{"date before 1601", "", []string{"foo=bar; expires=Fri, 07 Aug 1600 08:04:19 GMT"}, "", "foo=bar"},
	}
	for _, tt := range tests {
		j := aiohttp.NewCookieJar(nil)
		from, to := tt.from, tt.to
		if from == "" {
			from = home
		}
		if to == "" {
			to = result
		}
		j.SetFromHeader(mustURL(t, from), tt.received)
		if got := sent(t, j, to); got != tt.sent {
			t.Errorf("%s: %q from %s; sent to %s: %q, want %q", tt.name, tt.received, from, to, got, tt.sent)
		}
	}
}

// A site without TLS cannot put its cookie in the place of a secure one.
func TestSecureCookiesStay(t *testing.T) {
	t.Parallel()
	j := aiohttp.NewCookieJar(nil)
	j.SetFromHeader(mustURL(t, "https://a.org/login/x"), []string{"sid=good; Secure; Path=/login; Domain=a.org"})
	for _, c := range []string{"sid=evil; Path=/login", "sid=evil; Path=/login/en; Domain=a.org"} {
		j.SetFromHeader(mustURL(t, "http://sub.a.org/login/en/x"), []string{c})
		j.SetFromHeader(mustURL(t, "http://a.org/login/en/x"), []string{c})
	}
	if got := sent(t, j, "https://a.org/login/en/x"); got != "sid=good" {
		t.Errorf("sent %q", got)
	}
	j.SetFromHeader(mustURL(t, "http://a.org/x"), []string{"sid=other; Path=/"})
	if got := sent(t, j, "http://a.org/"); got != "sid=other" {
		t.Errorf("on another path: %q", got)
	}
}

func TestCookieExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := aiohttp.NewCookieJar(nil)
		u := mustURL(t, "http://a.org/")
		j.SetFromHeader(u, []string{"short=1; max-age=10", "long=1; max-age=99999999999", "session=1"})
		time.Sleep(9 * time.Second)
		if got := sent(t, j, "http://a.org/"); got != "short=1; long=1; session=1" {
			t.Errorf("before: %q", got)
		}
		time.Sleep(time.Second)
		if got := sent(t, j, "http://a.org/"); got != "long=1; session=1" {
			t.Errorf("after: %q", got)
		}
		time.Sleep(401 * 24 * time.Hour)
		if got := sent(t, j, "http://a.org/"); got != "session=1" {
			t.Errorf("after the longest life: %q", got)
		}
	})
}

func TestCookieLimits(t *testing.T) {
	t.Parallel()
	j := aiohttp.NewCookieJar(&aiohttp.CookieJarOptions{MaxPerHost: 10, MaxTotal: 25})
	for host := range 5 {
		u := mustURL(t, fmt.Sprintf("http://h%d.org/", host))
		for i := range 30 {
			j.SetFromHeader(u, []string{fmt.Sprintf("c%d=1", i)})
			if i == 20 {
				j.SetFromHeader(u, []string{"c20=used"})
			}
		}
	}
	if n := len(j.All()); n != 25 {
		t.Errorf("%d cookies", n)
	}
	if got := sent(t, j, "http://h4.org/"); strings.Count(got, "=") != 10 || !strings.Contains(got, "c29=1") || strings.Contains(got, "c1=1") {
		t.Errorf("the last host has %q", got)
	}
	refuse := aiohttp.NewCookieJar(&aiohttp.CookieJarOptions{RefuseIP: true})
	refuse.SetFromHeader(mustURL(t, "http://192.0.2.1/"), []string{"a=1"})
	if len(refuse.All()) != 0 {
		t.Error("RefuseIP kept a cookie of an address")
	}
}

// What is saved and loaded is the same, in both formats, flags and all.
func TestCookieFiles(t *testing.T) {
	t.Parallel()
	j := aiohttp.NewCookieJar(nil)
	j.SetFromHeader(mustURL(t, "https://www.a.org/x/y"), []string{
		"host=1", "dom=2; Domain=a.org; Path=/", "sec=3; Secure; HttpOnly; Max-Age=5000", "empty=; Path=/", "=noname",
	})
	dir := t.TempDir()
	if err := j.Save(dir + "/c.json"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir + "/c.json"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	var b bytes.Buffer
	if err := j.WriteNetscape(&b); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/c.txt", b.String())
	if !strings.Contains(b.String(), "#HttpOnly_www.a.org\tFALSE\t/x\tTRUE\t") || !strings.Contains(b.String(), ".a.org\tTRUE\t/\tFALSE\t0\tdom\t2\n") {
		t.Errorf("Netscape file:\n%s", b.String())
	}
	for _, name := range []string{"c.json", "c.txt"} {
		k := aiohttp.NewCookieJar(nil)
		if err := k.Load(filepath.Join(dir, name)); err != nil {
			t.Fatal(name, err)
		}
		for _, to := range []string{"https://www.a.org/x/y", "http://www.a.org/x/y", "https://a.org/", "https://sub.www.a.org/x/y"} {
			if got, want := sent(t, k, to), sent(t, j, to); got != want {
				t.Errorf("%s to %s: %q, want %q", name, to, got, want)
			}
		}
		var flags []bool
		for _, c := range k.All() {
			flags = append(flags, c.HostOnly, c.Secure, c.HTTPOnly)
		}
		want := []bool{true, false, false, false, false, false, true, true, true, true, false, false, true, false, false}
		if diff := cmp.Diff(want, flags); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCookieFilesAreNotTrusted(t *testing.T) {
	t.Parallel()
	j := aiohttp.NewCookieJar(nil)
	err := j.ReadNetscape(strings.NewReader(".co.uk\tTRUE\t/\tFALSE\t0\ta\t1\nold.org\tFALSE\t/\tFALSE\t1\tb\t1\n" +
		"a.org\tFALSE\tnoslash\tFALSE\t0\tc\t1\n\n# comment\r\nb.org\tFALSE\t/\tFALSE\t0\td;e\t1\nc.org\tFALSE\t/\tFALSE\t0\tgood\n"))
	if err != nil || len(j.All()) != 1 || j.All()[0].Name != "good" {
		t.Errorf("kept %v, %v", j.All(), err)
	}
	for _, bad := range []string{"one two\n", "a\tb\tc\td\te\tf\tg\n"} {
		if err := j.ReadNetscape(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := j.ReadJSON(strings.NewReader("{")); err == nil {
		t.Error("half a JSON file")
	}
	if err := j.ReadJSON(strings.NewReader(`{"Cookies":[null,{"Name":"a","Domain":"com","Path":"/"}]}`)); err != nil || len(j.All()) != 1 {
		t.Errorf("JSON: %v, %v", j.All(), err)
	}
}

func TestClearCookies(t *testing.T) {
	t.Parallel()
	j := aiohttp.NewCookieJar(nil)
	for _, h := range []string{"a.org", "sub.a.org", "b.org"} {
		j.Set(mustURL(t, "http://"+h+"/"), &aiohttp.Cookie{Name: "n", Value: h})
	}
	j.ClearDomain("a.org")
	if all := j.All(); len(all) != 1 || all[0].Value != "b.org" || all[0].String() != "n=b.org; Path=/" {
		t.Errorf("left %v", all)
	}
	j.Clear(nil)
	if len(j.All()) != 0 {
		t.Error("Clear(nil) left some")
	}
}

package aiohttp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// WriteJSON writes the cookies that have not expired, session cookies included.
func (j *CookieJar) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct{ Cookies []*Cookie }{j.All()})
}

// ReadJSON adds what [CookieJar.WriteJSON] wrote, under the jar's rules: a
// cookie for a public suffix or a broken one is left out.
func (j *CookieJar) ReadJSON(r io.Reader) error {
	var file struct{ Cookies []*Cookie }
	if err := json.NewDecoder(io.LimitReader(r, maxCookieFile)).Decode(&file); err != nil {
		return fmt.Errorf("aiohttp: reading cookies: %w", err)
	}
	for _, c := range file.Cookies {
		if c != nil {
			j.restore(c)
		}
	}
	return nil
}

const maxCookieFile = 64 << 20

// restore puts a cookie of a file in.
func (j *CookieJar) restore(c *Cookie) {
	now := time.Now()
	_, err := netip.ParseAddr(c.Domain)
	if j.off || c.expired(now) || c.Domain == "" || len(c.Name)+len(c.Value) > maxCookieBytes ||
		!validCookieText(c.Name+c.Value+c.Path+c.Domain) || !strings.HasPrefix(c.Path, "/") ||
		!c.HostOnly && (err == nil || j.isPublicSuffix(c.Domain)) {
		return
	}
	c.Domain = canonicalHost(c.Domain)
	if c.Created.IsZero() {
		c.Created = now
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	c.seq, c.used = j.seq, j.seq
	j.cookies[cookieKey{c.Domain, c.Path, c.Name}] = c
	j.used.Store(true)
	j.evictLocked(c.Domain, now)
}

func validCookieText(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == ';' }) < 0
}

// WriteNetscape writes the cookies in the format of curl, wget and old browsers.
// It keeps no SameSite. A cookie whose value has a tab is left out.
func (j *CookieJar) WriteNetscape(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString("# Netscape HTTP Cookie File\n")
	for _, c := range j.All() {
		if strings.ContainsRune(c.Name+c.Value+c.Path, '\t') {
			continue
		}
		domain, expires := c.Domain, int64(0)
		if !c.HostOnly {
			domain = "." + domain
		}
		if c.HTTPOnly {
			domain = "#HttpOnly_" + domain
		}
		if !c.Expires.IsZero() {
			expires = c.Expires.Unix()
		}
		fmt.Fprintf(b, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", domain, yes(!c.HostOnly), c.Path, yes(c.Secure), expires, c.Name, c.Value)
	}
	return b.Flush()
}

func yes(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}

// ReadNetscape adds the cookies of such a file; a line that is not one is an error.
func (j *CookieJar) ReadNetscape(r io.Reader) error {
	sc := bufio.NewScanner(io.LimitReader(r, maxCookieFile))
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimRight(sc.Text(), "\r")
		c := &Cookie{}
		line, c.HTTPOnly = strings.CutPrefix(line, "#HttpOnly_")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) == 6 {
			f = append(f, "") // an empty value, whose tab an editor took
		}
		if len(f) != 7 {
			return fmt.Errorf("aiohttp: reading cookies: line %d has %d fields, want 7", n, len(f))
		}
		expires, err := strconv.ParseInt(f[4], 10, 64)
		if err != nil {
			return fmt.Errorf("aiohttp: reading cookies: line %d: %w", n, errors.Unwrap(err))
		}
		c.Domain, c.HostOnly = canonicalHost(f[0]), !strings.EqualFold(f[1], "TRUE")
		c.Path, c.Secure = f[2], strings.EqualFold(f[3], "TRUE")
		c.Name, c.Value = f[5], f[6]
		if expires > 0 {
			c.Expires = time.Unix(expires, 0)
		}
		j.restore(c)
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("aiohttp: reading cookies: %w", err)
	}
	return nil
}

// Save writes the cookies as JSON to a file that only its owner may read. The
// file is the old or the new one at any time.
func (j *CookieJar) Save(name string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	err = j.WriteJSON(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Load adds the cookies of a file: JSON as [CookieJar.Save] writes, or Netscape's.
func (j *CookieJar) Load(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewReader(f)
	if first, err := b.Peek(1); err == nil && first[0] == '{' {
		return j.ReadJSON(b)
	}
	return j.ReadNetscape(b)
}

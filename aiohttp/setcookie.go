package aiohttp

import (
	"strconv"
	"strings"
	"time"
)

// parseSetCookie reads a Set-Cookie header (RFC 6265 §5.2), as lenient as browsers are.
func parseSetCookie(line string, now time.Time) (*Cookie, bool) {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return nil, false // RFC 6265bis §5.6, step 1
		}
	}
	pair, attrs, _ := strings.Cut(line, ";")
	name, value, ok := strings.Cut(pair, "=")
	if !ok {
		name, value = "", pair
	}
	c := &Cookie{Name: trimWS(name), Value: trimWS(value)}
	if c.Name == "" && c.Value == "" {
		return nil, false
	}
	var maxAge *time.Time
	for attr := range strings.SplitSeq(attrs, ";") {
		key, val, _ := strings.Cut(attr, "=")
		val = trimWS(val)
		switch strings.ToLower(trimWS(key)) {
		case "expires":
			if t, ok := parseCookieDate(val); ok {
				c.Expires = t
			}
		case "max-age":
			if t, ok := parseMaxAge(val, now); ok {
				maxAge = &t
			}
		case "domain":
			if val != "" {
				c.Domain = strings.ToLower(strings.TrimPrefix(val, "."))
			}
		case "path":
			c.Path = val
			if !strings.HasPrefix(val, "/") {
				c.Path = ""
			}
		case "secure":
			c.Secure = true
		case "httponly":
			c.HTTPOnly = true
		case "samesite":
			c.SameSite = sameSite(val)
		}
	}
	if maxAge != nil {
		c.Expires = *maxAge
	}
	return c, true
}

func trimWS(s string) string { return strings.Trim(s, " \t") }

func sameSite(v string) string {
	for _, s := range []string{"Strict", "Lax", "None"} {
		if strings.EqualFold(v, s) {
			return s
		}
	}
	return ""
}

const maxCookieAge = 400 * 24 * time.Hour // RFC 6265bis §5.5

func parseMaxAge(v string, now time.Time) (time.Time, bool) {
	if v == "" || strings.Trim(v[1:], "0123456789") != "" || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return time.Time{}, false
	}
	s, err := strconv.ParseInt(v, 10, 64)
	switch {
	case v[0] == '-' || err == nil && s <= 0:
		return time.Unix(1, 0), true
	case err != nil || s > int64(maxCookieAge/time.Second):
		return now.Add(maxCookieAge), true
	}
	return now.Add(time.Duration(s) * time.Second), true
}

// parseCookieDate reads a date in any order of its parts (RFC 6265 §5.1.1).
func parseCookieDate(s string) (time.Time, bool) {
	hour, minute, second, day, month, year := -1, 0, 0, -1, -1, -1
	tokens := strings.FieldsFunc(s, func(r rune) bool {
		return r == 9 || r >= 0x20 && r <= 0x2f || r >= 0x3b && r <= 0x40 || r >= 0x5b && r <= 0x60 || r >= 0x7b && r <= 0x7e
	})
	for _, t := range tokens {
		if hour < 0 {
			if h, m, sec, ok := cookieTime(t); ok {
				hour, minute, second = h, m, sec
				continue
			}
		}
		if day < 0 {
			if n, ok := leadingDigits(t, 1, 2); ok {
				day = n
				continue
			}
		}
		if month < 0 {
			if m := monthNumber(t); m > 0 {
				month = m
				continue
			}
		}
		if year < 0 {
			if n, ok := leadingDigits(t, 2, 4); ok {
				year = n
			}
		}
	}
	switch {
	case year >= 70 && year <= 99:
		year += 1900
	case year >= 0 && year <= 69:
		year += 2000
	}
	if hour < 0 || day < 1 || day > 31 || month < 1 || year < 1601 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day // 31 Feb is none
}

func cookieTime(t string) (h, m, s int, ok bool) {
	parts := strings.SplitN(t, ":", 3)
	if len(parts) < 3 {
		return 0, 0, 0, false
	}
	h, ok1 := allDigits(parts[0], 1, 2)
	m, ok2 := allDigits(parts[1], 1, 2)
	s, ok3 := leadingDigits(parts[2], 1, 2)
	return h, m, s, ok1 && ok2 && ok3
}

func allDigits(s string, least, most int) (int, bool) {
	if len(s) < least || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// leadingDigits reads the digits that s begins with; what follows must not be a digit.
func leadingDigits(s string, least, most int) (int, bool) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return allDigits(s[:n], least, most)
}

func monthNumber(t string) int {
	if len(t) < 3 {
		return 0
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(t[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

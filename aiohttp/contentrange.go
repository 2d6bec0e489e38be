package aiohttp

import (
	"errors"
	"strconv"
	"strings"
)

// A contentRange is a Content-Range of bytes (RFC 9110 §14.4).
type contentRange struct {
	start, end  int64 // inclusive; unsatisfied: -1, -1
	total       int64 // -1: "*"
	unsatisfied bool
}

var errContentRange = errors.New("bad Content-Range")

func parseContentRange(s string) (contentRange, error) {
	unit, rest, ok := strings.Cut(strings.TrimSpace(s), " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return contentRange{}, errContentRange
	}
	span, size, ok := strings.Cut(strings.TrimSpace(rest), "/")
	if !ok {
		return contentRange{}, errContentRange
	}
	r := contentRange{start: -1, end: -1, total: -1}
	if size != "*" {
		if r.total, ok = decimal(size); !ok {
			return contentRange{}, errContentRange
		}
	}
	if span == "*" {
		r.unsatisfied = true
		if r.total < 0 {
			return contentRange{}, errContentRange
		}
		return r, nil
	}
	first, last, _ := strings.Cut(span, "-")
	var ok2 bool
	r.start, ok = decimal(first)
	r.end, ok2 = decimal(last)
	if !ok || !ok2 || r.end < r.start || r.total >= 0 && r.end >= r.total {
		return contentRange{}, errContentRange
	}
	return r, nil
}

// decimal reads ASCII digits and nothing else.
func decimal(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// callerRange reads a Range header that asks for one range from a first byte on.
func callerRange(s string) (start, end int64, err error) {
	span, ok := strings.CutPrefix(strings.ReplaceAll(s, " ", ""), "bytes=")
	if !ok {
		return 0, 0, errors.New("a download takes only a Range of bytes")
	}
	first, last, ok := strings.Cut(span, "-")
	start, isNum := decimal(first)
	if !ok || !isNum {
		return 0, 0, errors.New("a download takes only one Range with a first byte")
	}
	end = -1
	if last != "" {
		if end, isNum = decimal(last); !isNum || end < start {
			return 0, 0, errors.New("bad Range")
		}
	}
	return start, end, nil
}

// strongETag reports whether an ETag may be used with If-Range (RFC 9110 §13.1.5).
func strongETag(tag string) bool {
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"'
}

package aiohttp

import (
	"mime"
	"net/url"
	"path"
	"strings"
)

// A Link is one of a Link header (RFC 8288).
type Link struct {
	URL *url.URL // absolute
	// Rel is the relation; a link of several has them separated by spaces.
	Rel string
	// Params has the other parameters, names in lower case.
	Params map[string]string
}

const maxLinks = 1000

// Links returns the links of the answer, resolved against its URL; what is
// malformed is left out.
func (r *Response) Links() []Link {
	var links []Link
	for _, h := range r.Header["Link"] {
		for s := skipListSpace(h); strings.HasPrefix(s, "<") && len(links) < maxLinks; s = skipListSpace(s) {
			target, rest, ok := strings.Cut(s[1:], ">")
			if !ok {
				break
			}
			var params map[string]string
			params, s = linkParams(rest)
			u, err := joinURL(r.URL, strings.TrimSpace(target), false)
			if err != nil {
				continue
			}
			rel := params["rel"]
			delete(params, "rel")
			links = append(links, Link{URL: u, Rel: rel, Params: params})
		}
	}
	return links
}

// Link returns the first link of the given relation, or nil.
func (r *Response) Link(rel string) *url.URL {
	for _, l := range r.Links() {
		if containsFold(strings.Fields(l.Rel), rel) {
			return l.URL
		}
	}
	return nil
}

// linkParams reads ";name=value" pairs up to the next link; the first of a name counts.
func linkParams(s string) (params map[string]string, rest string) {
	params = make(map[string]string)
	for {
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ";") {
			if i := strings.IndexByte(s, ','); i >= 0 {
				return params, s[i+1:]
			}
			return params, ""
		}
		var name, value string
		name, s = cutToken(strings.TrimLeft(s[1:], " \t"))
		s = strings.TrimLeft(s, " \t")
		if strings.HasPrefix(s, "=") {
			value, s = cutLinkValue(strings.TrimLeft(s[1:], " \t"))
		}
		name = strings.ToLower(name)
		if _, seen := params[name]; name != "" && !seen {
			params[name] = value
		}
	}
}

func cutLinkValue(s string) (value, rest string) {
	if strings.HasPrefix(s, `"`) {
		return cutValue(s)
	}
	i := strings.IndexAny(s, ";, \t")
	if i < 0 {
		i = len(s)
	}
	return s[:i], s[i:]
}

// A ContentDisposition is that header of an answer (RFC 6266).
type ContentDisposition struct {
	// Type is "attachment", "inline", ..., in lower case.
	Type string
	// FileName is a name without any directory, safe to create in one; "" if there is none.
	FileName string
	Params   map[string]string
}

// ContentDisposition returns the header, or nil if there is none or it is malformed.
//
// Python: ClientResponse.content_disposition.
func (r *Response) ContentDisposition() *ContentDisposition {
	return parseDisposition(r.Header.Get("Content-Disposition"))
}

func parseDisposition(h string) *ContentDisposition {
	if h == "" {
		return nil
	}
	typ, params, err := mime.ParseMediaType(h)
	if err != nil || typ == "" {
		return nil
	}
	return &ContentDisposition{Type: typ, FileName: baseName(params["filename"]), Params: params}
}

// baseName takes the directory, and what no file name may hold, off a name that a peer chose.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}

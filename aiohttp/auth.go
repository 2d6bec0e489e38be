package aiohttp

import (
	"context"
	"errors"
)

// Basic sends a user and a password to one origin and nowhere else. originURL is
// any URL of the origin.
func Basic(originURL, user, password string) (Middleware, error) {
	c := BasicCredentials{user, password}
	return authorization(originURL, c.Header())
}

// Bearer sends a token (RFC 6750) to one origin and nowhere else.
func Bearer(originURL, token string) (Middleware, error) {
	return authorization(originURL, "Bearer "+token)
}

func authorization(originURL, value string) (Middleware, error) {
	home, err := parseOrigin(originURL)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, req *Request, next Handler) (*Response, error) {
		if originOf(req.URL) == home && req.Header["Authorization"] == nil {
			req.SetHeader("Authorization", value)
		}
		return next(ctx, req)
	}, nil
}

func parseOrigin(rawURL string) (origin, error) {
	u, err := parseURL(rawURL)
	if err == nil {
		err = checkURL(u)
	}
	if err != nil {
		return origin{}, &Error{Class: classify(err), Err: errors.New("not the URL of an origin")}
	}
	return originOf(u), nil
}

// SetHeader sets a header of this request alone. Middleware uses it instead of
// Header.Set: the map may be shared with other requests until then.
func (r *Request) SetHeader(name, value string) { r.own().Set(name, value) }

// DelHeader removes a header from this request alone.
func (r *Request) DelHeader(name string) { r.own().Del(name) }

package aiohttp

import "context"

// A Handler sends a request and returns its response: the rest of the chain.
type Handler func(ctx context.Context, req *Request) (*Response, error)

// A Middleware stands between a session and the wire. It may change the request,
// answer by itself, or call next any number of times; a response that it does not return it
// must close. It is called for every hop of a redirect, on the goroutine of the
// caller, the first of a list outermost.
//
// Python: the middlewares of aiohttp.ClientSession.
type Middleware func(ctx context.Context, req *Request, next Handler) (*Response, error)

// chain puts the middleware around the last handler.
func chain(ms []Middleware, last Handler) Handler {
	for i := len(ms) - 1; i >= 0; i-- {
		m, next := ms[i], last
		last = func(ctx context.Context, req *Request) (*Response, error) { return m(ctx, req, next) }
	}
	return last
}

// Package aiohttp is an HTTP client: sessions that keep connections, cookies and
// limits, for HTTP/1.1 and HTTP/2.
//
// It stands on net/http, which speaks HTTP/2 and reads all but the plainest answers
// of HTTP/1.1, and adds what callers otherwise write around it: a pool that bounds what is in flight and serves in
// order, a time limit for each phase of a request, one rule for what can be sent
// again, credentials and cookies that stay with their origin, bodies as text in
// their encoding, decompression and bounds for all that a peer sends, middleware,
// and downloads that resume. It is no server.
//
//	session, err := aiohttp.NewSession(nil)
//	if err != nil { ... }
//	defer session.Close()
//
//	resp, err := session.Get(ctx, "https://go.dev/", nil)
//	if err != nil { ... }
//	defer resp.Close()
//	fmt.Println(resp.Status, resp.Header.Get("content-type"))
//	text, err := resp.Text(ctx)
//
// # Lifetimes
//
// A [Session] owns its connections; make one for the program, not one a request,
// and close it at the end. A [Response] owns a connection until its body was read
// to the end or it was closed: close it by defer. Closing the session ends what
// is still open. One that is dropped without Close is reported and freed when
// the garbage collector finds it.
//
// The ctx of a request ends it, its body included. A ctx given to a call that
// reads the body ends that call, and the request with it.
//
// # Tasks
//
// Each call that takes a ctx can be made by a task of package asyncio as well:
// it suspends the task, and the loop runs others. Made by any other goroutine
// it blocks that goroutine. Middleware runs on the caller's.
//
// # Errors
//
// Every error is an [*Error] and has a class, such as [ErrConnector], that
// errors.Is finds, and its cause below: a [*TimeoutError] names the phase that took too long.
// A status of 400 or above is no error unless RaiseForStatus says so. Messages
// hold no password, query or header.
package aiohttp

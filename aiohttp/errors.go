package aiohttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// The classes of errors, as a tree: errors.Is(err, class) holds for the class of
// an error and for every class above it. [ErrClient] is the root.
//
// Python: the exceptions of aiohttp.client_exceptions.
var (
	// ErrClient is the root of the classes (ClientError).
	ErrClient = newClass("client error", nil)

	// ErrConnection: the connection to the server could not be made or used (ClientConnectionError).
	ErrConnection = newClass("connection error", ErrClient)
	// ErrConnectionReset: the peer reset the connection (ClientConnectionResetError).
	ErrConnectionReset = newClass("connection reset", ErrConnection)
	// ErrOS: the operating system refused something (ClientOSError).
	ErrOS = newClass("system error", ErrConnection)
	// ErrConnector: no connection could be made (ClientConnectorError).
	ErrConnector = newClass("cannot connect", ErrOS)
	// ErrProxy: the proxy could not be reached or refused (ClientProxyConnectionError).
	ErrProxy = newClass("cannot connect by proxy", ErrConnector)
	// ErrDNS: the host's name has no address (ClientConnectorDNSError).
	ErrDNS = newClass("cannot resolve host", ErrConnector)
	// ErrTLS: the TLS handshake failed (ClientSSLError).
	ErrTLS = newClass("TLS failed", ErrConnector)
	// ErrCertificate: the server's certificate is not good (ClientConnectorCertificateError).
	ErrCertificate = newClass("bad certificate", ErrTLS)
	// ErrUnixSocket: the Unix socket could not be connected (UnixClientConnectorError).
	ErrUnixSocket = newClass("cannot connect to unix socket", ErrConnector)
	// ErrServer: the server broke the connection or did not answer in time (ServerConnectionError).
	ErrServer = newClass("server connection error", ErrConnection)
	// ErrServerDisconnected: the server closed the connection without a whole answer (ServerDisconnectedError).
	ErrServerDisconnected = newClass("server disconnected", ErrServer)
	// ErrFingerprint: the server's certificate is not the pinned one (ServerFingerprintMismatch).
	ErrFingerprint = newClass("fingerprint mismatch", ErrServer)
	// ErrTimeout: a phase took longer than its limit (ServerTimeoutError). See [TimeoutError].
	ErrTimeout = newClass("timeout", ErrServer)
	// ErrConnectionTimeout: waiting for a connection, dialing or TLS took too long (ConnectionTimeoutError).
	ErrConnectionTimeout = newClass("connection timeout", ErrTimeout)
	// ErrSocketTimeout: the peer took too long to read or to write (SocketTimeoutError).
	ErrSocketTimeout = newClass("socket timeout", ErrTimeout)

	// ErrPayload: the body is short, damaged or too large (ClientPayloadError).
	ErrPayload = newClass("bad payload", ErrClient)
	// ErrLimit: a peer sent more than a limit of ours allows. See [LimitError].
	ErrLimit = newClass("limit exceeded", ErrPayload)

	// ErrResponse: a whole answer came, and it is not acceptable (ClientResponseError).
	ErrResponse = newClass("bad response", ErrClient)
	// ErrStatus: the status is 400 or above and was asked to be an error. See [StatusError].
	ErrStatus = newClass("error status", ErrResponse)
	// ErrProxyStatus: the proxy answered CONNECT with an error status (ClientHttpProxyError).
	ErrProxyStatus = newClass("proxy refused", ErrResponse)
	// ErrContentType: the body is not of the type that was asked for (ContentTypeError).
	ErrContentType = newClass("unexpected content type", ErrResponse)
	// ErrTooManyRedirects: the limit of redirects was reached (TooManyRedirects).
	ErrTooManyRedirects = newClass("too many redirects", ErrResponse)

	// ErrInvalidURL: the URL cannot be used (InvalidURL).
	ErrInvalidURL = newClass("invalid URL", ErrClient)
	// ErrNonHTTPURL: the URL's scheme is not http or https (NonHttpUrlClientError).
	ErrNonHTTPURL = newClass("not an http URL", ErrInvalidURL)
	// ErrRedirect: a redirect cannot be followed (RedirectClientError).
	ErrRedirect = newClass("bad redirect", ErrClient)

	// ErrInvalidRequest: the options of the request contradict each other or hold forbidden bytes.
	ErrInvalidRequest = newClass("invalid request", ErrClient)
	// ErrBodyConsumed: the request must be sent again, and its body can be read only once.
	ErrBodyConsumed = newClass("request body was consumed", ErrClient)
	// ErrSessionClosed: the session or its connector was closed.
	ErrSessionClosed = newClass("session is closed", ErrClient)
	// ErrResponseClosed: the response was closed before its body was read.
	ErrResponseClosed = newClass("response is closed", ErrConnection)
)

type class struct {
	text   string
	parent error
}

func newClass(text string, parent error) error { return &class{text, parent} }

func (c *class) Error() string { return "aiohttp: " + c.text }
func (c *class) Unwrap() error { return c.parent }

// An Error is what the calls of this package return: what was asked, its class
// in the tree, and the cause.
type Error struct {
	// Class is one of the package's Err values; nil if the caller's ctx ended.
	Class error
	// Method and URL say what was asked. The URL has no user, password, query or fragment.
	Method, URL string
	// Err is the cause, or nil if Class says it all.
	Err error
}

// Error describes the error without the secrets that a URL or a header may hold.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("aiohttp: ")
	if e.Method != "" {
		b.WriteString(e.Method + " ")
	}
	if e.URL != "" {
		b.WriteString(e.URL + ": ")
	}
	if c, ok := e.Class.(*class); ok {
		b.WriteString(c.text)
		if e.Err != nil {
			b.WriteString(": ")
		}
	}
	if e.Err != nil {
		b.WriteString(strings.TrimPrefix(e.Err.Error(), "aiohttp: "))
	}
	return b.String()
}

// Unwrap returns the class and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Class != nil {
		errs = append(errs, e.Class)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Timeout reports whether a limit of time ended the call.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// A TimeoutError tells which phase took longer than its limit.
// It matches [ErrTimeout], [os.ErrDeadlineExceeded] and [context.DeadlineExceeded].
type TimeoutError struct {
	Phase Phase
	Limit time.Duration
}

// Error names the phase and its limit.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("aiohttp: %s took longer than %v", e.Phase, e.Limit)
}

// Timeout returns true.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns what the error matches.
func (e *TimeoutError) Unwrap() []error {
	c := ErrTimeout
	switch e.Phase {
	case PhasePool, PhaseDial, PhaseTLS:
		c = ErrConnectionTimeout
	case PhaseWrite, PhaseFirstByte, PhaseRead:
		c = ErrSocketTimeout
	}
	return []error{c, os.ErrDeadlineExceeded, context.DeadlineExceeded}
}

// A StatusError is an answer whose status is 400 or above, asked for by
// [Response.RaiseForStatus] or RaiseForStatus in the options.
type StatusError struct {
	Status int
	Reason string
	Header http.Header
	// Body is the beginning of the answer's body, decoded, at most 4 KiB.
	Body []byte
}

// Error names the status.
func (e *StatusError) Error() string { return fmt.Sprintf("aiohttp: status %d %s", e.Status, e.Reason) }

// Unwrap returns [ErrStatus].
func (e *StatusError) Unwrap() error { return ErrStatus }

// RetryAfter is how long the server asks to wait before the next request (RFC 9110
// §10.2.3), a date being compared with the clock; false if it does not ask.
func (e *StatusError) RetryAfter() (time.Duration, bool) { return retryAfter(e.Header, time.Now()) }

// A PayloadError is a body that ended before its announced or encoded end.
type PayloadError struct {
	// Got is how many bytes of the body arrived, as transferred.
	Got int64
	// Want is how many were announced, or -1 if that is not known (chunked, or damaged compression).
	Want int64
	Err  error
}

// Error tells how much of the body arrived.
func (e *PayloadError) Error() string {
	if e.Want >= 0 {
		return fmt.Sprintf("aiohttp: body ended after %d of %d bytes: %v", e.Got, e.Want, e.Err)
	}
	return fmt.Sprintf("aiohttp: body ended or is damaged after %d bytes: %v", e.Got, e.Err)
}

// Unwrap returns [ErrPayload] and the cause.
func (e *PayloadError) Unwrap() []error { return []error{ErrPayload, e.Err} }

// A LimitError is something of the peer's that passed a limit of ours.
type LimitError struct {
	// What passed: "decoded body", "compression ratio", "body in memory", "line", "header count", ...
	What  string
	Limit int64
}

// Error names the limit.
func (e *LimitError) Error() string { return fmt.Sprintf("aiohttp: %s exceeds %d", e.What, e.Limit) }

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }

// A FingerprintError is a server whose certificate is not one of the pinned ones.
type FingerprintError struct {
	Host string
	Got  Fingerprint
	Want []Fingerprint
}

// Error names the host and the fingerprints.
func (e *FingerprintError) Error() string {
	return fmt.Sprintf("aiohttp: certificate of %s is %x, want one of %x", e.Host, e.Got, e.Want)
}

// Unwrap returns [ErrFingerprint].
func (e *FingerprintError) Unwrap() error { return ErrFingerprint }

// A ProxyStatusError is a proxy that answered CONNECT with something else than 2xx.
type ProxyStatusError struct {
	Status int
	Reason string
	Header http.Header
}

// Error names the status of the proxy.
func (e *ProxyStatusError) Error() string {
	return fmt.Sprintf("aiohttp: proxy answered %d %s", e.Status, e.Reason)
}

// Unwrap returns the classes of the error.
func (e *ProxyStatusError) Unwrap() []error { return []error{ErrProxyStatus, ErrProxy} }

// caused carries a class beside a cause, inside the package.
type caused struct {
	class error
	err   error
}

func (e *caused) Error() string   { return e.err.Error() }
func (e *caused) Unwrap() []error { return []error{e.class, e.err} }

// classify finds the class of an error of the layers below.
func classify(err error) error {
	var c *class
	if errors.As(err, &c) {
		return c
	}
	var (
		dns    *net.DNSError
		verify *tls.CertificateVerificationError
		host   x509.HostnameError
		unk    x509.UnknownAuthorityError
		rec    tls.RecordHeaderError
		alert  tls.AlertError
	)
	switch {
	case errors.As(err, &dns):
		return ErrDNS
	case errors.As(err, &verify), errors.As(err, &host), errors.As(err, &unk):
		return ErrCertificate
	case errors.As(err, &rec), errors.As(err, &alert):
		return ErrTLS
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ErrConnectionReset
	case isDisconnect(err):
		return ErrServerDisconnected
	case errors.As(err, new(*net.OpError)), errors.As(err, new(syscall.Errno)):
		return ErrOS
	}
	return ErrResponse
}

// isDisconnect reports whether err says that the server closed the connection
// before it answered. net/http has no exported error for it.
func isDisconnect(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	s := err.Error()
	return strings.Contains(s, "server closed idle connection") ||
		strings.Contains(s, "connection broken") ||
		strings.Contains(s, "http2: client conn") ||
		strings.Contains(s, "http2: server sent GOAWAY") ||
		strings.Contains(s, "readLoopPeekFailLocked") ||
		strings.Contains(s, "ClientConn closed")
}

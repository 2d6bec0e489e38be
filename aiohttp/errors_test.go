package aiohttp_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/aiohttp"
)

// The classes are aiohttp's tree.
func TestErrorTree(t *testing.T) {
	t.Parallel()
	tree := map[error]error{
		aiohttp.ErrConnection: aiohttp.ErrClient, aiohttp.ErrConnectionReset: aiohttp.ErrConnection, aiohttp.ErrOS: aiohttp.ErrConnection,
		aiohttp.ErrConnector: aiohttp.ErrOS, aiohttp.ErrProxy: aiohttp.ErrConnector, aiohttp.ErrDNS: aiohttp.ErrConnector, aiohttp.ErrTLS: aiohttp.ErrConnector,
		aiohttp.ErrCertificate: aiohttp.ErrTLS, aiohttp.ErrUnixSocket: aiohttp.ErrConnector, aiohttp.ErrServer: aiohttp.ErrConnection,
		aiohttp.ErrServerDisconnected: aiohttp.ErrServer, aiohttp.ErrFingerprint: aiohttp.ErrServer, aiohttp.ErrTimeout: aiohttp.ErrServer,
		aiohttp.ErrConnectionTimeout: aiohttp.ErrTimeout, aiohttp.ErrSocketTimeout: aiohttp.ErrTimeout, aiohttp.ErrPayload: aiohttp.ErrClient,
		aiohttp.ErrLimit: aiohttp.ErrPayload, aiohttp.ErrResponse: aiohttp.ErrClient, aiohttp.ErrStatus: aiohttp.ErrResponse,
		aiohttp.ErrProxyStatus: aiohttp.ErrResponse, aiohttp.ErrContentType: aiohttp.ErrResponse, aiohttp.ErrTooManyRedirects: aiohttp.ErrResponse,
		aiohttp.ErrInvalidURL: aiohttp.ErrClient, aiohttp.ErrNonHTTPURL: aiohttp.ErrInvalidURL, aiohttp.ErrRedirect: aiohttp.ErrClient,
	}
	for child, parent := range tree {
		if !errors.Is(child, parent) || !errors.Is(child, aiohttp.ErrClient) || errors.Is(parent, child) {
			t.Errorf("%v is not below %v", child, parent)
		}
		if !strings.HasPrefix(child.Error(), "aiohttp: ") {
			t.Errorf("%q has no prefix", child)
		}
	}
	for _, err := range []error{
		&aiohttp.TimeoutError{Phase: aiohttp.PhaseDial}, &aiohttp.TimeoutError{Phase: aiohttp.PhaseRead},
		&aiohttp.Error{Class: aiohttp.ErrTimeout, Err: &aiohttp.TimeoutError{Phase: aiohttp.PhaseTotal}},
	} {
		if !errors.Is(err, aiohttp.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v does not match what timeouts match", err)
		}
	}
	if e := (&aiohttp.Error{Class: aiohttp.ErrDNS}); e.Timeout() || errors.Is(e, aiohttp.ErrTimeout) {
		t.Errorf("%v is a timeout", e)
	}
	if got := (&aiohttp.Error{Method: "GET", URL: "http://h/", Class: aiohttp.ErrDNS, Err: errors.New("aiohttp: why")}).Error(); got != "aiohttp: GET http://h/: cannot resolve host: why" {
		t.Errorf("text: %s", got)
	}
}

// What ends a request is told by class and by cause, whichever phase it was.
func TestErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	s := newSession(t, nil)
	cause := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := s.Get(ctx, "http://127.0.0.1:1/", nil)
	e, ok := errors.AsType[*aiohttp.Error](err)
	if !ok || !errors.Is(err, cause) || !errors.Is(err, context.Canceled) || e.Class != nil || errors.Is(err, aiohttp.ErrClient) {
		t.Errorf("the caller's cancel: %v (%+v)", err, e)
	}
}

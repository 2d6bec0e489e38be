package aiohttp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// A Fingerprint is the SHA-256 digest of a certificate in DER form.
//
// Python: aiohttp.Fingerprint.
type Fingerprint [sha256.Size]byte

// ParseFingerprint reads 64 hexadecimal digits, with or without colons between the bytes.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil || len(b) != len(f) {
		return f, errors.New("aiohttp: a fingerprint is the 32 bytes of a SHA-256 digest in hexadecimal")
	}
	return Fingerprint(b), nil
}

// TLSOptions say how a server is authenticated. A connection serves only requests with equal options.
//
// Python: ssl= and server_hostname= of ClientSession.request.
type TLSOptions struct {
	// Config replaces the connector's. It is not copied and must not change.
	Config *tls.Config
	// ServerName is what the certificate must be for, instead of the URL's host.
	ServerName string
	// Fingerprints are the certificates that are accepted, whoever issued them.
	Fingerprints []Fingerprint
	// Insecure accepts every certificate.
	Insecure bool
}

type tlsKey struct {
	config       *tls.Config
	serverName   string
	fingerprints string
	insecure     bool
}

func (o *TLSOptions) key() tlsKey {
	if o == nil {
		return tlsKey{}
	}
	var b strings.Builder
	for _, f := range o.Fingerprints {
		b.Write(f[:])
	}
	return tlsKey{o.Config, o.ServerName, b.String(), o.Insecure}
}

// handshake starts TLS on raw, which stays open if it fails. withHTTP2 offers HTTP/2 as well.
func (c *Connector) handshake(ctx context.Context, raw net.Conn, addr string, o *TLSOptions, withHTTP2 bool) (*tls.Conn, error) {
	if o == nil {
		o = &TLSOptions{}
	}
	base := c.opts.TLS
	if o.Config != nil {
		base = o.Config
	}
	cfg := &tls.Config{}
	if base != nil {
		cfg = base.Clone()
	}
	hostname, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if o.ServerName != "" {
		cfg.ServerName = o.ServerName
	} else if cfg.ServerName == "" {
		cfg.ServerName = hostname
	}
	cfg.InsecureSkipVerify = cfg.InsecureSkipVerify || o.Insecure || len(o.Fingerprints) > 0
	cfg.NextProtos = nil
	if withHTTP2 && c.opts.Protocols.HTTP2() {
		cfg.NextProtos = append(cfg.NextProtos, "h2")
	}
	if !withHTTP2 || c.opts.Protocols.HTTP1() {
		cfg.NextProtos = append(cfg.NextProtos, "http/1.1")
	}
	if len(o.Fingerprints) > 0 {
		cfg.VerifyConnection = pinned(hostname, o.Fingerprints, cfg.VerifyConnection)
	}
	tc := tls.Client(raw, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		if classify(err) == ErrCertificate {
			return nil, &caused{ErrCertificate, err}
		}
		if _, ok := errors.AsType[*FingerprintError](err); ok {
			return nil, err
		}
		return nil, &caused{ErrTLS, fmt.Errorf("handshake with %s: %w", hostname, err)}
	}
	return tc, nil
}

func pinned(hostname string, want []Fingerprint, also func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		got := Fingerprint(sha256.Sum256(cs.PeerCertificates[0].Raw))
		if !slices.Contains(want, got) {
			return &FingerprintError{Host: hostname, Got: got, Want: slices.Clone(want)}
		}
		if also != nil {
			return also(cs)
		}
		return nil
	}
}

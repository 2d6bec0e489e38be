package aiohttp_test

import (
	"context"
	"net/netip"
)

// loopback is a resolver for which every name is this machine.
type loopback struct{}

func (loopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

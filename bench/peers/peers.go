// Package peers holds the Python sides of the comparison.
package peers

import "embed"

// Scripts are the peers and peer.py, the protocol that they speak.
//
//go:embed *.py
var Scripts embed.FS

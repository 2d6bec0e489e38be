package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A byteSize is a flag for a number of bytes: "1000", "512M", "2GiB".
type byteSize int64

func (b *byteSize) String() string { return strconv.FormatInt(int64(*b), 10) }

// Type names the value in the help.
func (*byteSize) Type() string { return "bytes" }

// Set reads a number with a unit of 1024: K, M, G or T, which an i and a B may follow.
func (b *byteSize) Set(s string) error {
	digits := strings.TrimRight(s, "KMGTiBkmgtb ")
	unit := strings.ToUpper(strings.TrimSpace(s[len(digits):]))
	shift, ok := map[string]uint{
		"": 0, "B": 0,
		"K": 10, "KB": 10, "KIB": 10, "M": 20, "MB": 20, "MIB": 20,
		"G": 30, "GB": 30, "GIB": 30, "T": 40, "TB": 40, "TIB": 40,
	}[unit]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ok || n < 0 || n > math.MaxInt64>>shift {
		return fmt.Errorf("%q is no number of bytes such as 512M", s)
	}
	*b = byteSize(n << shift)
	return nil
}

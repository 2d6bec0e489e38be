package aiofiles

import (
	"fmt"
	"os"
	"strings"
)

// mode is what a mode string of [Open] says.
type mode struct {
	given                          string
	create, appending, truncate    bool
	exclusive, read, write, isText bool
}

func parseMode(s string) (mode, error) {
	m := mode{given: s, isText: true}
	if s == "" {
		m.given = "r"
	}
	seen := ""
	kinds := 0
	binary, text := false, false
	for _, c := range m.given {
		if strings.ContainsRune(seen, c) {
			return m, fmt.Errorf("%w: %q in %q twice", ErrMode, c, s)
		}
		seen += string(c)
		switch c {
		case 'r':
			m.read = true
			kinds++
		case 'w':
			m.write, m.create, m.truncate = true, true, true
			kinds++
		case 'a':
			m.write, m.create, m.appending = true, true, true
			kinds++
		case 'x':
			m.write, m.create, m.exclusive = true, true, true
			kinds++
		case '+':
		case 'b':
			binary = true
		case 't':
			text = true
		default:
			return m, fmt.Errorf("%w: %q in %q", ErrMode, c, s)
		}
	}
	if kinds != 1 {
		return m, fmt.Errorf("%w: %q needs exactly one of r, w, a and x", ErrMode, s)
	}
	if binary && text {
		return m, fmt.Errorf("%w: %q is both binary and text", ErrMode, s)
	}
	m.isText = !binary
	if strings.Contains(seen, "+") {
		m.read, m.write = true, true
	}
	return m, nil
}

// flags gives the flags of open(2).
func (m mode) flags() int {
	flag := os.O_RDONLY
	switch {
	case m.read && m.write:
		flag = os.O_RDWR
	case m.write:
		flag = os.O_WRONLY
	}
	if m.create {
		flag |= os.O_CREATE
	}
	if m.truncate {
		flag |= os.O_TRUNC
	}
	if m.exclusive {
		flag |= os.O_EXCL
	}
	if m.appending {
		flag |= os.O_APPEND
	}
	return flag
}

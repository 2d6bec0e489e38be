package aiohttp

import (
	"os"
	"path/filepath"
	"strings"
)

// A netrc holds the credentials of a file like ~/.netrc (RFC-less; as inetutils reads it).
type netrc struct {
	machines map[string]*BasicCredentials
	byDflt   *BasicCredentials
}

// loadNetrc reads $NETRC or ~/.netrc; nil if there is none that can be read.
func loadNetrc() *netrc {
	name := os.Getenv("NETRC")
	if name == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		name = filepath.Join(home, ".netrc")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return parseNetrc(string(data))
}

func (n *netrc) find(hostname string) *BasicCredentials {
	if c, ok := n.machines[strings.ToLower(hostname)]; ok {
		return c
	}
	return n.byDflt
}

func parseNetrc(text string) *netrc {
	n := &netrc{machines: make(map[string]*BasicCredentials)}
	toks := netrcTokens(text)
	var cur *BasicCredentials
	next := func() string {
		if len(toks) == 0 {
			return ""
		}
		t := toks[0]
		toks = toks[1:]
		return t
	}
	for len(toks) > 0 {
		switch next() {
		case "machine":
			cur = &BasicCredentials{}
			if name := strings.ToLower(next()); n.machines[name] == nil { // the first one counts
				n.machines[name] = cur
			}
		case "default":
			cur = &BasicCredentials{}
			n.byDflt = cur
		case "login", "user":
			if v := next(); cur != nil {
				cur.User = v
			}
		case "password", "passwd":
			if v := next(); cur != nil {
				cur.Password = v
			}
		case "account":
			next()
		}
	}
	return n
}

// netrcTokens splits the file into words; quotes and backslashes as curl reads
// them, comments from a "#" that begins a word to the end of the line, macros left out.
func netrcTokens(text string) []string {
	var toks []string
	inMacro := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if inMacro {
			inMacro = strings.TrimSpace(line) != ""
			continue
		}
		for {
			line = strings.TrimLeft(line, " \t")
			isValue := len(toks) > 0 && (toks[len(toks)-1] == "password" || toks[len(toks)-1] == "passwd")
			if line == "" || line[0] == '#' && !isValue {
				break
			}
			var tok string
			tok, line = netrcWord(line)
			if tok == "macdef" {
				inMacro = true
				break
			}
			toks = append(toks, tok)
		}
	}
	return toks
}

func netrcWord(line string) (word, rest string) {
	var b strings.Builder
	quoted := line[0] == '"'
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quoted && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		case quoted && c == '"':
			return b.String(), line[i+1:]
		case !quoted && (c == ' ' || c == '\t'):
			return b.String(), line[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// Package argv turns the text of a command into the arguments of a process,
// without a shell: what a name holds is never more than part of one argument.
package argv

import (
	"errors"
	"fmt"
	"strings"
)

// Placeholder is what [Fill] replaces by a file's name.
const Placeholder = "{}"

// Errors of [Split], wrapped with where they were met.
var (
	ErrEmpty    = errors.New("empty command")
	ErrQuote    = errors.New("unclosed quote")
	ErrOperator = errors.New("the command is run without a shell: quote the character, or use sh -c")
)

// Split splits line into arguments by the quoting rules of POSIX (XCU §2.2):
// blanks separate, a backslash or single quotes keep what follows as it is, and
// within double quotes a backslash keeps only $, `, ", \ and a newline.
//
// Nothing is expanded. An operator of the shell (| & ; < > and parentheses) that
// is not quoted is [ErrOperator], since its writer wants a shell.
func Split(line string) ([]string, error) {
	var s splitter
	for i, c := range line {
		if err := s.take(c); err != nil {
			return nil, fmt.Errorf("column %d: %q: %w", i+1, c, err)
		}
	}
	switch {
	case s.quote != 0:
		return nil, fmt.Errorf("%c: %w", s.quote, ErrQuote)
	case s.escaped:
		return nil, fmt.Errorf("\\ at the end: %w", ErrQuote)
	}
	s.end()
	if len(s.args) == 0 {
		return nil, ErrEmpty
	}
	return s.args, nil
}

type splitter struct {
	args    []string
	arg     strings.Builder
	started bool // arg is an argument, though it may be empty
	quote   rune // the quote that is open, or 0
	escaped bool // the last character was a backslash that counts
}

func (s *splitter) take(c rune) error {
	switch {
	case s.escaped:
		s.takeEscaped(c)
	case s.quote == '\'' && c != '\'', s.quote == '"' && c != '"' && c != '\\':
		s.arg.WriteRune(c)
	case c == '\\':
		s.escaped, s.started = true, true
	case c == s.quote:
		s.quote = 0
	case c == '\'' || c == '"':
		s.quote, s.started = c, true
	case strings.ContainsRune(" \t\n", c):
		s.end()
	case strings.ContainsRune("|&;<>()", c):
		return ErrOperator
	default:
		s.arg.WriteRune(c)
		s.started = true
	}
	return nil
}

func (s *splitter) takeEscaped(c rune) {
	s.escaped = false
	if c == '\n' {
		return // the line goes on
	}
	if s.quote == '"' && !strings.ContainsRune("$`\"\\", c) {
		s.arg.WriteByte('\\')
	}
	s.arg.WriteRune(c)
}

func (s *splitter) end() {
	if s.started {
		s.args = append(s.args, s.arg.String())
	}
	s.arg.Reset()
	s.started = false
}

// HasPlaceholder reports whether [Fill] would put a name anywhere in args.
func HasPlaceholder(args []string) bool {
	return strings.Contains(strings.Join(args, "\x00"), Placeholder)
}

// Fill returns a copy of args with name in place of each {}. A name that starts
// with "-" is written "./-...", so that no program takes it for an option.
func Fill(args []string, name string) []string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	filled := make([]string, len(args))
	for i, arg := range args {
		filled[i] = strings.ReplaceAll(arg, Placeholder, name)
	}
	return filled
}

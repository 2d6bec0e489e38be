package aiofiles

import (
	"sync"
	"unicode/utf8"
)

// charmapCodec is an encoding of one byte a character.
type charmapCodec struct {
	called  string
	asASCII bool
	runes   [256]rune // utf8.RuneError for none
	bytes   map[rune]byte
}

var charmaps sync.Map // name of a table → *charmapCodec, made at first use

func charmap(module string) *charmapCodec {
	if c, ok := charmaps.Load(module); ok {
		return c.(*charmapCodec)
	}
	c := &charmapCodec{called: codecNames[module], bytes: make(map[rune]byte, 256)}
	table := []rune(singleByte[module])
	if c.asASCII = len(table) == 128; c.asASCII {
		for i := range c.runes[:128] {
			c.runes[i] = rune(i)
		}
	}
	copy(c.runes[256-len(table):], table)
	for i, r := range c.runes {
		if r != utf8.RuneError {
			c.bytes[r] = byte(i)
		}
	}
	charmaps.Store(module, c)
	return c
}

func (c *charmapCodec) name() string   { return c.called }
func (c *charmapCodec) unit() int      { return 1 }
func (c *charmapCodec) ascii() bool    { return c.asASCII }
func (c *charmapCodec) stateful() bool { return false }
func (c *charmapCodec) cannot() string { return "character maps to <undefined>" }

func (c *charmapCodec) one(src []byte, _ bool) (rune, int, string) {
	if r := c.runes[src[0]]; r != utf8.RuneError {
		return r, 1, ""
	}
	return 0, 1, c.cannot()
}

func (c *charmapCodec) put(dst []byte, r rune) ([]byte, bool) {
	b, ok := c.bytes[r]
	if !ok {
		return dst, false
	}
	return append(dst, b), true
}

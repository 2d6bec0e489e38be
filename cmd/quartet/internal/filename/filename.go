// Package filename makes names of files from what servers say and URLs hold.
//
// A name made here is one element of a path and valid on every system, so that a
// list of URLs gives the same names wherever it is fetched. It never is hidden, a
// device, a way out of its folder, or one that marks an unfinished file.
package filename

import (
	"mime"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Part marks the file of a download that has not ended. No name made here
	// ends in it.
	Part = ".part"
	// MaxBytes is how long a name may be. File systems take 255; the rest is for
	// Part and the number that tells files of one name apart.
	MaxBytes = 240
	// Unnamed is the name where neither the server nor the URL has one.
	Unnamed = "index.html"

	maxExtBytes = 20 // what is longer after the last dot is no extension
)

// FromURL returns a name made of the last element of u's path.
func FromURL(u *url.URL) string {
	return Clean(u.Path)
}

// FromHeader returns a name made of the file name in a Content-Disposition
// header (RFC 6266), and whether there is one.
func FromHeader(disposition string) (string, bool) {
	_, params, err := mime.ParseMediaType(disposition)
	if err != nil || lastElement(params["filename"]) == "" {
		return "", false
	}
	return Clean(params["filename"]), true
}

// Clean returns a name made of the last element of path, by these rules: what
// is not graphic, or not allowed on Windows, becomes "_", and so does a dot at the
// start; dots and blanks at the end go; the name of a device gets a "_" before
// it, and what ends in Part one behind it; what is longer than MaxBytes is cut
// before its extension. Clean(Clean(p)) is Clean(p).
func Clean(path string) string {
	name := strings.Map(keep, strings.ToValidUTF8(lastElement(path), "_"))
	name = strings.TrimRight(name, ". ")
	if strings.HasPrefix(name, ".") {
		name = "_" + name[1:]
	}
	if name == "" {
		return Unnamed
	}
	if isDevice(name) {
		name = "_" + name
	}
	if name = cut(name, MaxBytes); isPart(name) {
		name = cut(name, MaxBytes-1) + "_"
	}
	return name
}

func lastElement(path string) string {
	return path[strings.LastIndexAny(path, `/\`)+1:]
}

func keep(r rune) rune {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d' // words of some languages need them
	switch {
	case strings.ContainsRune(`<>:"|?*`, r):
		return '_'
	case unicode.IsGraphic(r), r == zeroWidthJoiner, r == zeroWidthNonJoiner:
		return r
	}
	return '_'
}

func isPart(name string) bool {
	return len(name) >= len(Part) && strings.EqualFold(name[len(name)-len(Part):], Part)
}

// isDevice reports whether Windows takes name, with whatever extension, for a
// device.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	if number, ok := strings.CutPrefix(stem, "COM"); ok {
		return isDeviceNumber(number)
	}
	if number, ok := strings.CutPrefix(stem, "LPT"); ok {
		return isDeviceNumber(number)
	}
	return false
}

func isDeviceNumber(s string) bool {
	return utf8.RuneCountInString(s) == 1 && strings.Contains("0123456789¹²³", s)
}

// cut shortens name to at most n bytes, before its extension, between runes.
func cut(name string, n int) string {
	if len(name) <= n {
		return name
	}
	stem, ext := splitExt(name)
	end := n - len(ext)
	for end > 0 && !utf8.RuneStart(stem[end]) {
		end--
	}
	return strings.TrimRight(stem[:end]+ext, ". ")
}

// splitExt splits name before its last dot; a dot at the start, and one that is
// too far from the end, make no extension.
func splitExt(name string) (stem, ext string) {
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= maxExtBytes {
		return name[:i], name[i:]
	}
	return name, ""
}

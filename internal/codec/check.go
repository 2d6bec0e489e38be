package codec

import (
	"encoding"
	"fmt"
	"math/big"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Check returns an error that names the first part of t, by its path, that would
// be lost on the way: what arrives would not equal what was sent. A type that
// marshals and unmarshals itself, in CBOR, binary or text, goes by its own rule.
func Check(t reflect.Type) error {
	return walk{seen: map[reflect.Type]bool{}}.check(t, t.String())
}

type walk struct{ seen map[reflect.Type]bool }

func (w walk) check(t reflect.Type, path string) error {
	if w.seen[t] {
		return nil
	}
	w.seen[t] = true
	lost := func(why string) error { return fmt.Errorf("%s: %s", path, why) }
	switch own, half := marshalsItself(t); {
	case own:
		return nil
	case half != "":
		return lost(half)
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Slice, reflect.Array:
		return w.check(t.Elem(), path+"[]")
	case reflect.Map:
		if err := w.check(t.Key(), path+"[key]"); err != nil {
			return err
		}
		return w.check(t.Elem(), path+"[]")
	case reflect.Pointer:
		switch t.Elem().Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			return lost("pointer to what may be nil itself")
		}
		return w.check(t.Elem(), path)
	case reflect.Struct:
		return w.checkStruct(t, path)
	case reflect.Interface:
		return lost("interface " + t.String())
	default:
		return lost(t.Kind().String())
	}
}

func (w walk) checkStruct(t reflect.Type, path string) error {
	names := map[string]string{}
	for f := range t.Fields() {
		at := path + "." + f.Name
		if f.Name == "_" {
			continue
		}
		name, options := fieldTag(f)
		switch {
		case name == "-" && options == "":
			return fmt.Errorf("%s: left out by its tag", at)
		case !f.IsExported() && !f.Anonymous:
			return fmt.Errorf("%s: unexported", at)
		case !f.IsExported() && f.Type.Kind() != reflect.Struct:
			return fmt.Errorf("%s: embedded, unexported", at)
		}
		promoted := []string{name}
		if f.Anonymous && name == "" {
			promoted = embeddedNames(f.Type)
		} else if name == "" {
			promoted = []string{f.Name}
		}
		for _, n := range promoted {
			if other, ok := names[n]; ok {
				return fmt.Errorf("%s: has the name %q of %s", at, n, other)
			}
			names[n] = at
		}
		if err := w.check(f.Type, at); err != nil {
			return err
		}
	}
	return nil
}

func fieldTag(f reflect.StructField) (name, options string) {
	tag := f.Tag.Get("cbor")
	if tag == "" {
		tag = f.Tag.Get("json")
	}
	name, options, _ = strings.Cut(tag, ",")
	return name, options
}

// embeddedNames returns the names under which the fields of an embedded type travel.
func embeddedNames(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return []string{t.Name()}
	}
	if own, _ := marshalsItself(t); own {
		return []string{t.Name()}
	}
	var names []string
	for f := range t.Fields() {
		name, _ := fieldTag(f)
		switch {
		case name != "":
			names = append(names, name)
		case f.Anonymous:
			names = append(names, embeddedNames(f.Type)...)
		default:
			names = append(names, f.Name)
		}
	}
	return names
}

var known = []reflect.Type{reflect.TypeFor[time.Time](), reflect.TypeFor[big.Int](), reflect.TypeFor[url.URL]()}

var pairs = []struct{ marshal, unmarshal reflect.Type }{
	{reflect.TypeFor[cbor.Marshaler](), reflect.TypeFor[cbor.Unmarshaler]()},
	{reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler]()},
	{reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()},
}

// marshalsItself reports whether t goes by its own methods. Half is what is
// wrong if it has only one of the two.
func marshalsItself(t reflect.Type) (own bool, half string) {
	if slices.Contains(known, t) {
		return true, ""
	}
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false, ""
	}
	p := reflect.PointerTo(t)
	for _, pair := range pairs {
		to, from := p.Implements(pair.marshal), p.Implements(pair.unmarshal)
		switch {
		case to && from:
			return true, ""
		case to:
			return false, "has " + pair.marshal.Method(0).Name + " but no " + pair.unmarshal.Method(0).Name
		case from:
			return false, "has " + pair.unmarshal.Method(0).Name + " but no " + pair.marshal.Method(0).Name
		}
	}
	return false, ""
}

// Describe returns a text that is equal for two types exactly if values of one
// can be read as the other.
func Describe(t reflect.Type) string {
	var b strings.Builder
	describe(&b, t, nil)
	return b.String()
}

func describe(b *strings.Builder, t reflect.Type, above []reflect.Type) {
	if i := slices.Index(above, t); i >= 0 {
		fmt.Fprintf(b, "^%d", len(above)-i)
		return
	}
	if own, _ := marshalsItself(t); own {
		b.WriteString(t.PkgPath() + "." + t.Name())
		return
	}
	above = append(above, t)
	switch t.Kind() {
	case reflect.Slice:
		b.WriteString("[]")
		describe(b, t.Elem(), above)
	case reflect.Array:
		fmt.Fprintf(b, "[%d]", t.Len())
		describe(b, t.Elem(), above)
	case reflect.Map:
		b.WriteString("map[")
		describe(b, t.Key(), above)
		b.WriteString("]")
		describe(b, t.Elem(), above)
	case reflect.Pointer:
		b.WriteString("*")
		describe(b, t.Elem(), above)
	case reflect.Struct:
		b.WriteString("{")
		for f := range t.Fields() {
			name, options := fieldTag(f)
			fmt.Fprintf(b, "%s %q %q ", f.Name, name, options)
			describe(b, f.Type, above)
			b.WriteString(";")
		}
		b.WriteString("}")
	default:
		b.WriteString(t.Kind().String())
	}
}

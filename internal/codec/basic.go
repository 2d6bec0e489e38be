package codec

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// The first byte of a basic value. The numbers are part of the wire format.
const (
	tagUnit    = 0  // struct{}: nothing follows
	tagFalse   = 1  // nothing follows
	tagTrue    = 2  // nothing follows
	tagInt     = 3  // int and int64: 8 bytes, two's complement
	tagUint    = 4  // uint and uint64: 8 bytes
	tagFloat   = 5  // float64: 8 bytes, IEEE 754
	tagString  = 6  // UTF-8, to the end
	tagBytes   = 7  // bytes, to the end
	tagInts    = 8  // list of int or int64: 8 bytes each, to the end
	tagFloats  = 9  // list of float64: 8 bytes each, to the end
	tagStrings = 10 // list of strings: each 8 bytes of length, then its bytes, to the end
	tagUnits   = 11 // list of struct{}: 8 bytes of count
	tagNil     = 12 // a list or bytes that is nil: nothing follows
)

// appendBasic appends the value that v points to and reports whether its type
// is one of the basic ones.
func appendBasic(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case *struct{}:
		return append(dst, tagUnit), true
	case *bool:
		if *v {
			return append(dst, tagTrue), true
		}
		return append(dst, tagFalse), true
	case *int:
		return word(dst, tagInt, uint64(*v)), true
	case *int64:
		return word(dst, tagInt, uint64(*v)), true
	case *uint:
		return word(dst, tagUint, uint64(*v)), true
	case *uint64:
		return word(dst, tagUint, *v), true
	case *float64:
		return word(dst, tagFloat, math.Float64bits(*v)), true
	case *string:
		return append(append(dst, tagString), *v...), true
	case *[]byte:
		return list(dst, tagBytes, *v, *v == nil), true
	case *[]int:
		return words(dst, tagInts, *v), true
	case *[]int64:
		return words(dst, tagInts, *v), true
	case *[]float64:
		return words(dst, tagFloats, *v), true
	case *[]string:
		return appendStrings(dst, *v), true
	case *[]struct{}:
		if *v == nil {
			return append(dst, tagNil), true
		}
		return word(dst, tagUnits, uint64(len(*v))), true
	}
	return dst, false
}

// decodeBasic reads b into what v points to and reports whether b is of that type.
func decodeBasic(b []byte, v any) bool {
	if len(b) == 0 {
		return false
	}
	tag, b := b[0], b[1:]
	switch v := v.(type) {
	case *struct{}:
		return tag == tagUnit && len(b) == 0
	case *bool:
		*v = tag == tagTrue
		return (tag == tagTrue || tag == tagFalse) && len(b) == 0
	case *int:
		return readWord(b, tag == tagInt, v)
	case *int64:
		return readWord(b, tag == tagInt, v)
	case *uint:
		return readWord(b, tag == tagUint, v)
	case *uint64:
		return readWord(b, tag == tagUint, v)
	case *float64:
		var bits uint64
		ok := readWord(b, tag == tagFloat, &bits)
		*v = math.Float64frombits(bits)
		return ok
	case *string:
		*v = string(b)
		return tag == tagString
	case *[]byte:
		if tag == tagBytes {
			if *v = append([]byte(nil), b...); *v == nil { // clears no memory first, as make does
				*v = []byte{}
			}
		}
		return tag == tagBytes || isNil(tag, b)
	case *[]int:
		return readWords(b, tag, tagInts, v)
	case *[]int64:
		return readWords(b, tag, tagInts, v)
	case *[]float64:
		return readWords(b, tag, tagFloats, v)
	case *[]string:
		return readStrings(b, tag, v)
	case *[]struct{}:
		var n uint64
		if readWord(b, tag == tagUnits, &n) && n <= math.MaxInt {
			*v = make([]struct{}, n)
			return true
		}
		return isNil(tag, b)
	}
	return false
}

func isNil(tag byte, b []byte) bool { return tag == tagNil && len(b) == 0 }

func word(dst []byte, tag byte, n uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, tag), n)
}

func readWord[T int | int64 | uint | uint64](b []byte, ok bool, v *T) bool {
	if !ok || len(b) != 8 {
		return false
	}
	n := binary.LittleEndian.Uint64(b)
	*v = T(n)
	return uint64(*v) == n // an int of 32 bits does not hold all
}

func list(dst []byte, tag byte, data []byte, null bool) []byte {
	if null {
		return append(dst, tagNil)
	}
	if cap(dst)-len(dst) < len(data)+1 {
		grown := make([]byte, len(dst), len(dst)+len(data)+1)
		copy(grown, dst)
		dst = grown
	}
	return append(append(dst, tag), data...)
}

// memoryIsWire reports whether a word in memory looks as it does on the wire.
var memoryIsWire = func() bool {
	one := uint64(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}()

func words[T int | int64 | float64](dst []byte, tag byte, v []T) []byte {
	if memoryIsWire && unsafe.Sizeof(*new(T)) == 8 {
		return list(dst, tag, asBytes(v), v == nil)
	}
	if v == nil {
		return append(dst, tagNil)
	}
	dst = append(dst, tag)
	for i := range v {
		dst = binary.LittleEndian.AppendUint64(dst, bits(v[i]))
	}
	return dst
}

func readWords[T int | int64 | float64](b []byte, tag, want byte, v *[]T) bool {
	if isNil(tag, b) {
		return true
	}
	if tag != want || len(b)%8 != 0 {
		return false
	}
	*v = make([]T, len(b)/8)
	if memoryIsWire && unsafe.Sizeof(*new(T)) == 8 {
		copy(asBytes(*v), b)
		return true
	}
	for i := range *v {
		if !fromBits(binary.LittleEndian.Uint64(b[8*i:]), &(*v)[i]) {
			return false
		}
	}
	return true
}

func asBytes[T any](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(*new(T))))
}

func bits[T int | int64 | float64](n T) uint64 {
	if f, ok := any(n).(float64); ok {
		return math.Float64bits(f)
	}
	return uint64(n)
}

func fromBits[T int | int64 | float64](n uint64, v *T) bool {
	if f, ok := any(v).(*float64); ok {
		*f = math.Float64frombits(n)
		return true
	}
	*v = T(int64(n))
	return int64(*v) == int64(n)
}

func appendStrings(dst []byte, v []string) []byte {
	if v == nil {
		return append(dst, tagNil)
	}
	dst = append(dst, tagStrings)
	for _, s := range v {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

func readStrings(b []byte, tag byte, v *[]string) bool {
	if isNil(tag, b) {
		return true
	}
	if tag != tagStrings {
		return false
	}
	out := []string{}
	for len(b) > 0 {
		if len(b) < 8 {
			return false
		}
		n := binary.LittleEndian.Uint64(b)
		if b = b[8:]; n > uint64(len(b)) {
			return false
		}
		out = append(out, string(b[:n]))
		b = b[n:]
	}
	*v = out
	return true
}

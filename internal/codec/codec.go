// Package codec turns values into bytes and back: by a fast path for the basic
// types and slices of them, by CBOR (RFC 8949) for all others.
package codec

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// An ID says how bytes are to be read. It travels in the header of a frame.
type ID uint8

// The codecs.
const (
	Basic ID = 1 // one byte for the type, then the value, little endian; see basic.go
	CBOR  ID = 2
	Raw   ID = 3 // the bytes are the value: for what reads them in place
)

// Errors of bytes that cannot be read as what was asked for.
var (
	ErrUnknown  = errors.New("codec: unknown codec")
	ErrMismatch = errors.New("codec: bytes are of another type")
	ErrCycle    = errors.New("codec: value nested too deeply")
)

// maxDepth bounds how deep a value may be nested, and so that a cyclic one is an
// error instead of a stack overflow.
const maxDepth = 10_000

var (
	encMode = must(cbor.EncOptions{
		NaNConvert:              cbor.NaNConvertNone,
		InfConvert:              cbor.InfConvertNone,
		Time:                    cbor.TimeRFC3339Nano,
		TextMarshaler:           cbor.TextMarshalerTextString,
		BigIntConvert:           cbor.BigIntConvertNone,
		ByteArray:               cbor.ByteArrayToByteSlice,
		NilContainers:           cbor.NilContainerAsNull,
		ShortestFloat:           cbor.ShortestFloatNone,
		IndefLength:             cbor.IndefLengthForbidden,
		OmitEmpty:               cbor.OmitEmptyGoValue,
		TimeTag:                 cbor.EncTagNone,
		TagsMd:                  cbor.TagsAllowed,
		FieldName:               cbor.FieldNameToTextString,
		JSONMarshalerTranscoder: nil,
	}.EncMode())
	decMode = must(cbor.DecOptions{
		MaxNestedLevels:   65535,
		MaxArrayElements:  math.MaxInt32,
		MaxMapPairs:       math.MaxInt32,
		UTF8:              cbor.UTF8DecodeInvalid,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		TextUnmarshaler:   cbor.TextUnmarshalerTextString,
	}.DecMode())
)

func must[M any](m M, err error) M {
	if err != nil {
		panic(err)
	}
	return m
}

// Append appends v as bytes and returns how it did. A panic in a method by which
// a type marshals itself is returned as an error.
func Append[T any](dst []byte, v T) (_ ID, _ []byte, err error) {
	if out, ok := appendBasic(dst, &v); ok {
		return Basic, out, nil
	}
	return appendCBOR(dst, v)
}

func appendCBOR(dst []byte, v any) (id ID, out []byte, err error) {
	defer recovered("encoding", &err)
	if err := checkDepth(reflect.ValueOf(v)); err != nil {
		return 0, nil, err
	}
	b, err := encMode.Marshal(v)
	if err != nil {
		return 0, nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	if len(dst) == 0 && cap(dst) < len(b) {
		return CBOR, b, nil
	}
	return CBOR, append(dst, b...), nil
}

// Decode reads what [Append] wrote for a value of the same type. The value does
// not alias b.
func Decode[T any](id ID, b []byte) (T, error) {
	if id == Basic {
		var v T
		if decodeBasic(b, &v) {
			return v, nil
		}
	}
	p := new(T)
	if err := decode(id, b, p); err != nil {
		return *new(T), err
	}
	return *p, nil
}

// decode reads into what p points to what is not basic, or says why it cannot.
func decode(id ID, b []byte, p any) (err error) {
	defer recovered("decoding", &err)
	switch id {
	case Basic:
		return fmt.Errorf("%w: want %v", ErrMismatch, reflect.TypeOf(p).Elem())
	case CBOR:
		if err := decMode.Unmarshal(b, p); err != nil {
			return fmt.Errorf("decoding %v: %w", reflect.TypeOf(p).Elem(), err)
		}
		return nil
	default:
		return fmt.Errorf("%w %d", ErrUnknown, id)
	}
}

// recovered makes a panic of a marshalling method an error.
func recovered(doing string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: panic: %v", doing, r)
	}
}

// Size returns how many bytes [Append] will append for the value that v points to,
// or 0 if that is not known before.
func Size(v any) int {
	switch v := v.(type) {
	case *string:
		return 1 + len(*v)
	case *[]byte:
		return 1 + len(*v)
	case *[]int:
		return 1 + 8*len(*v)
	case *[]int64:
		return 1 + 8*len(*v)
	case *[]float64:
		return 1 + 8*len(*v)
	}
	return 0
}

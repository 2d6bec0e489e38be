package codec

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

var recursive sync.Map // reflect.Type → bool

// checkDepth returns an error if v is nested deeper than [maxDepth], as a value
// that contains itself is. It looks only into types that can.
func checkDepth(v reflect.Value) error {
	if !v.IsValid() {
		return nil
	}
	t := v.Type()
	yes, ok := recursive.Load(t)
	if !ok {
		yes = reaches(t, nil)
		recursive.Store(t, yes)
	}
	if yes.(bool) && tooDeep(v, maxDepth) {
		return fmt.Errorf("%w: %v: more than %d levels, or a cycle", ErrCycle, t, maxDepth)
	}
	return nil
}

// reaches reports whether t, or a type below it, contains itself.
func reaches(t reflect.Type, above []reflect.Type) bool {
	if slices.Contains(above, t) {
		return true
	}
	if own, _ := marshalsItself(t); own {
		return false
	}
	above = append(above, t)
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return reaches(t.Elem(), above)
	case reflect.Map:
		return reaches(t.Key(), above) || reaches(t.Elem(), above)
	case reflect.Struct:
		for field := range t.Fields() {
			if reaches(field.Type, above) {
				return true
			}
		}
	}
	return false
}

func tooDeep(v reflect.Value, left int) bool {
	if left == 0 {
		return true
	}
	if own, _ := marshalsItself(v.Type()); own {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && tooDeep(v.Elem(), left-1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if tooDeep(v.Index(i), left-1) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if tooDeep(it.Value(), left-1) {
				return true
			}
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if tooDeep(field, left-1) {
				return true
			}
		}
	}
	return false
}

package multiprocessing

import (
	"fmt"

	"github.com/quartet-go/quartet/internal/codec"
	"github.com/quartet-go/quartet/internal/frame"
)

// views are the slots of the other side that this process has seen.
type views map[uint64]*slot

// open returns the payload of a frame whose body's data is given, and what is to be
// done with its slot after it was decoded: nothing (nil), or to close it.
func (v *views) open(f frame.Frame, data []byte) (p payload, once *slot, err error) {
	p.codec = codec.ID(f.Codec)
	if f.Flags&frame.Beside == 0 {
		for _, fd := range f.FDs {
			closeFD(fd)
		}
		p.data = data
		return p, nil, nil
	}
	place, err := frame.ParseSlot(data)
	if err == nil && len(f.FDs) > 1 {
		err = fmt.Errorf("%w: %d", frame.ErrDescriptors, len(f.FDs))
	}
	if err != nil {
		for _, fd := range f.FDs {
			closeFD(fd)
		}
		return p, nil, err
	}
	view := (*v)[place.ID]
	if len(f.FDs) == 1 {
		if view, err = mapSlot(f.FDs[0], place); err != nil {
			return p, nil, err
		}
		if place.ID == 0 {
			once = view
		} else {
			v.forget(place.ID)
			if *v == nil {
				*v = views{}
			}
			(*v)[place.ID] = view
		}
	}
	if view == nil || uint64(len(view.mem)) != place.Size {
		return p, nil, fmt.Errorf("%w: slot %d, which did not come before", frame.ErrBody, place.ID)
	}
	p.data = view.mem[place.Offset : place.Offset+place.Len]
	if p.codec == codec.Raw {
		if once == nil {
			return p, nil, fmt.Errorf("%w: a buffer in a slot that is used again", frame.ErrBody)
		}
		p.buffer = bufferOf(once, p.data)
		return p, nil, nil
	}
	p.slot = view
	return p, once, nil
}

func (v *views) forget(id uint64) {
	if old := (*v)[id]; old != nil {
		old.close()
		delete(*v, id)
	}
}

func (v *views) close() {
	for id := range *v {
		v.forget(id)
	}
}

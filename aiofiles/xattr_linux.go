package aiofiles

import (
	"context"
	"strings"

	"golang.org/x/sys/unix"
)

// attribute asks for its size first; it may grow in between.
func attribute(get func(buf []byte) (int, error)) ([]byte, error) {
	for {
		n, err := get(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		buf := make([]byte, n)
		n, err = get(buf)
		if err != unix.ERANGE {
			return buf[:max(n, 0)], err
		}
	}
}

// Getxattr returns the extended attribute attr of the file name.
func Getxattr(ctx context.Context, name, attr string) ([]byte, error) {
	return onOS(ctx, "getxattr", name, func() ([]byte, error) {
		return attribute(func(buf []byte) (int, error) { return unix.Getxattr(name, attr, buf) })
	})
}

// Setxattr sets the extended attribute attr of the file name.
func Setxattr(ctx context.Context, name, attr string, value []byte) error {
	value = append([]byte(nil), value...)
	_, err := onOS(ctx, "setxattr", name, func() (struct{}, error) {
		return struct{}{}, unix.Setxattr(name, attr, value, 0)
	})
	return err
}

// Listxattr returns the names of the extended attributes of the file name.
func Listxattr(ctx context.Context, name string) ([]string, error) {
	return onOS(ctx, "listxattr", name, func() ([]string, error) {
		list, err := attribute(func(buf []byte) (int, error) { return unix.Listxattr(name, buf) })
		if err != nil || len(list) == 0 {
			return nil, err
		}
		return strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00"), nil
	})
}

// Removexattr removes the extended attribute attr of the file name.
func Removexattr(ctx context.Context, name, attr string) error {
	_, err := onOS(ctx, "removexattr", name, func() (struct{}, error) {
		return struct{}{}, unix.Removexattr(name, attr)
	})
	return err
}

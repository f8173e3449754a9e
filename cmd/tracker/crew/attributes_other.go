//go:build !linux

package crew

import "syscall"

// attributes are what a system without a death signal has to offer.
func attributes() *syscall.SysProcAttr { return nil }

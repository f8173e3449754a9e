//go:build !linux

package process

import "syscall"

// tied puts the process into a group of its own.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

package process

import "syscall"

// tied puts the process into a group of its own, and makes the kernel kill it when the test binary dies.
func tied() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

package process

import "syscall"

// tied makes the kernel kill the process when the test binary dies.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

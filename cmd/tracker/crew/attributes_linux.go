package crew

import "syscall"

// attributes keep the terminal's signals from the workers, whose end is the crew's business, and have the kernel kill them when
// the thread that started them is gone.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

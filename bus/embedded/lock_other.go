//go:build !unix

package embedded

import "os"

// lockFile opens path. Where there is no flock, a second server on the same store is not noticed.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

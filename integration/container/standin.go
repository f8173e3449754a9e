package container

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// goImage stands in for golang: the toolchain at the same place, a proxy of the modules that go.mod names, and what the toolchain
// has compiled of them here before, all in files.
const goImage = `FROM scratch
COPY goroot /usr/local/go
COPY proxy /proxy
COPY compiled /root/.cache/go-build
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
WORKDIR /tmp
WORKDIR /root
WORKDIR /go
ENV PATH=/usr/local/go/bin:/go/bin GOPATH=/go HOME=/root GOPROXY=file:///proxy GOSUMDB=off
`

// natsImage stands in for the scratch variant of nats.
const natsImage = `FROM scratch
COPY nats-server /nats-server
EXPOSE 4222 8222 6222
ENV PATH=/
ENTRYPOINT ["/nats-server"]
`

// buildGoImage makes the stand-in for golang.
func buildGoImage(ctx context.Context, tag, label, repository string) error {
	root, err := goEnv(ctx, "GOROOT")
	if err != nil {
		return err
	}
	modules, err := goEnv(ctx, "GOMODCACHE")
	if err != nil {
		return err
	}
	zips, err := moduleZips(ctx)
	if err != nil {
		return err
	}
	compiled := filepath.Join(repository, ".cache", "image-build")
	if err := compile(ctx, repository, compiled); err != nil {
		return err
	}
	return buildFrom(ctx, tag, goImage+"LABEL "+label+"\n", func(w *tar.Writer) error {
		return errors.Join(
			addTree(w, "goroot", root, neededToBuild),
			addTree(w, "proxy", filepath.Join(modules, "cache", "download"), func(name string) bool {
				return strings.HasSuffix(name, ".mod") || strings.HasSuffix(name, ".info") || zips[name]
			}),
			addTree(w, "compiled", compiled, func(string) bool { return true }),
			addFile(w, "ca-certificates.crt", "/etc/ssl/certs/ca-certificates.crt"),
		)
	})
}

// compile fills a cache of the toolchain with what the Dockerfile will compile, which saves a minute of every run but the first.
func compile(ctx context.Context, repository, cache string) error {
	environ := []string{"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOCACHE=" + cache}
	_, err := run(ctx, repository, environ, nil, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", os.DevNull, "./cmd/tracker")
	return err
}

// buildNATSImage makes the stand-in for nats, with the nats-server that go.mod names.
func buildNATSImage(ctx context.Context, tag, label, scratch string) error {
	binary := filepath.Join(scratch, "nats-server")
	_, err := run(ctx, "", []string{"CGO_ENABLED=0"}, nil, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "github.com/nats-io/nats-server/v2")
	if err != nil {
		return err
	}
	return buildFrom(ctx, tag, natsImage+"LABEL "+label+"\n", func(w *tar.Writer) error { return addFile(w, "nats-server", binary) })
}

func goEnv(ctx context.Context, name string) (string, error) {
	out, err := run(ctx, "", nil, nil, "go", "env", name)
	return strings.TrimSpace(out), err
}

// moduleZips returns the archives of all modules in go.mod, by their paths in the cache, and sees to it that they are there.
func moduleZips(ctx context.Context) (map[string]bool, error) {
	out, err := run(ctx, "", nil, nil, "go", "mod", "download", "-json")
	if err != nil {
		return nil, err
	}
	zips := make(map[string]bool)
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var module struct{ Zip string }
		if err := dec.Decode(&module); errors.Is(err, io.EOF) {
			return zips, nil
		} else if err != nil {
			return nil, fmt.Errorf("container: go mod download: %w", err)
		}
		if _, name, ok := strings.Cut(filepath.ToSlash(module.Zip), "/cache/download/"); ok {
			zips[name] = true
		}
	}
}

// neededToBuild reports whether a file of GOROOT takes part in building a program without cgo.
func neededToBuild(name string) bool {
	tools := "pkg/tool/" + runtime.GOOS + "_" + runtime.GOARCH + "/"
	switch {
	case strings.HasPrefix(name, "src/cmd/"), strings.HasSuffix(name, "_test.go"), strings.Contains(name, "/testdata/"):
		return false
	case strings.HasPrefix(name, "src/"), strings.HasPrefix(name, "pkg/include/"):
		return true
	}
	switch name {
	case "VERSION", "go.env", "bin/go", tools + "asm", tools + "compile", tools + "link":
		return true
	}
	return false
}

// buildFrom builds an image of what add writes.
func buildFrom(ctx context.Context, tag, dockerfile string, add func(*tar.Writer) error) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		files := tar.NewWriter(w)
		err := files.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))})
		if err == nil {
			_, err = io.WriteString(files, dockerfile)
		}
		if err == nil {
			err = add(files)
		}
		err = errors.Join(err, files.Close())
		_ = w.CloseWithError(err) // always nil
		written <- err
	}()
	_, err := run(ctx, "", nil, r, "docker", "build", "--force-rm", "--tag", tag, "-")
	r.Close() // lets the writer go if docker did not read everything
	if missed := <-written; err == nil && missed != nil {
		return fmt.Errorf("container: %s: %w", tag, missed)
	}
	return err
}

// addTree adds the files below dir for which keep holds, under the name into.
func addTree(w *tar.Writer, into, dir string, keep func(name string) bool) error {
	return filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if name = filepath.ToSlash(name); err != nil || !keep(name) {
			return err
		}
		return addFile(w, path.Join(into, name), file)
	})
}

// addFile adds one file. Its time is left out, so that equal files make equal images.
func addFile(w *tar.Writer, name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	is, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: name, Mode: int64(is.Mode().Perm()), Size: is.Size()}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// removeImages removes the tags that are there, and every image with the label.
func removeImages(ctx context.Context, label string, tags []string) error {
	var found []string
	for _, tag := range tags {
		if exec.CommandContext(ctx, "docker", "image", "inspect", tag).Run() == nil {
			found = append(found, tag)
		}
	}
	untagged, err := run(ctx, "", nil, nil, "docker", "image", "ls", "--quiet", "--filter", "dangling=true", "--filter", "label="+label)
	if found = append(found, strings.Fields(untagged)...); err != nil || len(found) == 0 {
		return err
	}
	_, err = run(ctx, "", nil, nil, append([]string{"docker", "image", "rm", "--force"}, found...)...)
	return err
}

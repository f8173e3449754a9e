package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "trackerfleet"

// goPackage is what go list says of one package.
type goPackage struct {
	ImportPath, Dir                          string
	GoFiles, CgoFiles, IgnoredGoFiles        []string
	TestGoFiles, XTestGoFiles                []string
	Imports, TestImports, XTestImports, Deps []string
}

// folder returns the package's place below the module root, "." for the root itself.
func (p goPackage) folder() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

// files returns the paths of the package's Go files, tests included.
func (p goPackage) files() []string {
	var paths []string
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
		paths = append(paths, filepath.Join(p.Dir, name))
	}
	return paths
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 5 {
		t.Fatalf("go list found %d packages only", len(packages))
	}
	return packages
}

// importRule says what the non-test code of some packages may not reach.
type importRule struct {
	name       string
	of         func(folder string) bool
	transitive bool // look at everything the package depends on, not only at what it imports itself
	forbids    func(imported string) bool
}

func within(folder, path string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// anyOf reports whether imported is, or is below, one of the paths.
func anyOf(paths ...string) func(imported string) bool {
	return func(imported string) bool {
		return slices.ContainsFunc(paths, func(path string) bool { return within(path, imported) })
	}
}

func only(folders ...string) func(string) bool {
	return func(folder string) bool { return slices.Contains(folders, folder) }
}

// isSource reports the packages that follow transactions outside, and the contract between them and the trackers.
func isSource(folder string) bool {
	rest, ok := strings.CutPrefix(folder, "workers/")
	if !ok {
		return false
	}
	top, _, _ := strings.Cut(rest, "/")
	return !slices.Contains([]string{"tracker", "dashboard"}, top)
}

func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && first != module
}

const (
	natsServer = "github.com/nats-io/nats-server/v2"
	fx         = "go.uber.org/fx"
)

var importRules = []importRule{
	{
		name: "registry and supervision import the standard library only", of: only("registry", "supervision"), transitive: true,
		forbids: func(path string) bool { return !isStandard(path) },
	},
	{
		name: "bus knows nothing of trackers", of: func(f string) bool { return within("bus", f) }, transitive: true,
		forbids: func(path string) bool { return within(module, path) && !within(module+"/bus", path) },
	},
	{
		name: "sources know neither NATS nor supervision nor registry", of: isSource, transitive: true,
		forbids: anyOf("github.com/nats-io", module+"/bus", module+"/supervision", module+"/registry"),
	},
	{
		name: "workers/tracker is made of the contract and of sources' observations", of: only("workers/tracker"),
		forbids: func(path string) bool {
			own := within(module, path) && !anyOf(module+"/bus", module+"/workers/source", module+"/workers/tracker")(path)
			return own || within("github.com/nats-io", path)
		},
	},
	{
		name: "only bus/embedded holds a NATS server", of: func(f string) bool { return f != "bus/embedded" },
		forbids: anyOf(natsServer),
	},
	{
		name: "what is for tests stays out of the binary", of: only("cmd/tracker"), transitive: true,
		forbids: anyOf("testing", module+"/workers/source/sourcetest", module+"/workers/ethereum/ethtest"),
	},
	{
		name: "go-ethereum stays out", of: func(string) bool { return true }, transitive: true,
		forbids: anyOf("github.com/ethereum/go-ethereum"),
	},
}

// TestImportsKeepTheHouse holds the non-test code of every package against the import rules of the architecture.
func TestImportsKeepTheHouse(t *testing.T) {
	packages := listPackages(t)
	for _, rule := range importRules {
		t.Run(rule.name, func(t *testing.T) {
			held := 0
			for _, p := range packages {
				if !rule.of(p.folder()) {
					continue
				}
				held++
				imports := p.Imports
				if rule.transitive {
					imports = p.Deps
				}
				for _, imported := range imports {
					if rule.forbids(imported) {
						t.Errorf("%s reaches %s", p.ImportPath, imported)
					}
				}
			}
			if held == 0 {
				t.Error("the rule holds for no package: it no longer names what is there")
			}
		})
	}
}

// TestImportsOfIntegration: tests may see everything, nobody sees the tests.
func TestImportsOfIntegration(t *testing.T) {
	for _, p := range listPackages(t) {
		if within("integration", p.folder()) {
			continue
		}
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if within(module+"/integration", imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// TestImportsOfFX: fx wires in cmd and in workers/module.go only, with the tests of both.
func TestImportsOfFX(t *testing.T) {
	wiring := 0
	for _, p := range listPackages(t) {
		for _, path := range p.files() {
			if !imports(t, path, fx) {
				continue
			}
			wiring++
			module := p.folder() == "workers" && strings.HasPrefix(filepath.Base(path), "module")
			if !module && !within("cmd", p.folder()) {
				t.Errorf("%s imports fx", path)
			}
		}
	}
	if wiring == 0 {
		t.Error("nothing imports fx: the rule no longer names what is there")
	}
}

// imports reports whether the file imports package path or one beneath it.
func imports(t *testing.T, file, path string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range parsed.Imports {
		if within(path, strings.Trim(spec.Path.Value, `"`)) {
			return true
		}
	}
	return false
}

// TestHouseTopLevel: the folders of the repository are those of the architecture.
func TestHouseTopLevel(t *testing.T) {
	want := []string{
		"cmd", "workers", "bus", "supervision", "registry", "integration",
		"go.mod", "go.sum", "docker-compose.yml", "Dockerfile", "README.md", "CHANGELOG.md", "LICENSE",
	}
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = ".."
	if _, err := os.Stat("../.git"); err != nil {
		cmd = exec.Command("find", ".", "-type", "f", "-printf", `%P\n`) // an unpacked release
		cmd.Dir = ".."
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(path), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(want, top) {
			t.Errorf("%s has no place at the top level", top)
		}
	}
}

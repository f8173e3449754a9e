package integration

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 400
	maxFunctionLines = 60
)

// vague names say nothing of what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "impl", "data", "info"}

// TestHouseStyle holds every Go file against what the house style can be measured by.
func TestHouseStyle(t *testing.T) {
	for _, p := range listPackages(t) {
		if slices.Contains(vague, filepath.Base(p.Dir)) {
			t.Errorf("%s: a package named %s", p.Dir, filepath.Base(p.Dir))
		}
		documented := false
		for _, path := range p.files() {
			name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".go"), "_test")
			if slices.Contains(vague, name) {
				t.Errorf("%s: a file named %s", path, name)
			}
			documented = checkFile(t, path) || documented
		}
		if !documented {
			t.Errorf("%s: no package doc", p.Dir)
		}
	}
}

// checkFile reports whether the file holds the package's doc.
func checkFile(t *testing.T, path string) bool {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		t.Error(err)
		return true
	}
	if lines := files.File(parsed.Pos()).LineCount(); lines > maxFileLines {
		t.Errorf("%s: %d lines, at most %d", path, lines, maxFileLines)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			begin, end := files.Position(n.Pos()), files.Position(n.End())
			if lines := end.Line - begin.Line + 1; lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, at most %d", begin, n.Name.Name, lines, maxFunctionLines)
			}
		case *ast.CallExpr:
			if strings.HasSuffix(path, "_test.go") && isCall(n, "time", "Sleep") && !inBubble(path, parsed) {
				t.Errorf("%s: a test waits by time.Sleep", files.Position(n.Pos()))
			}
		}
		return true
	})
	return parsed.Doc != nil && !strings.HasSuffix(path, "_test.go")
}

func isCall(call *ast.CallExpr, pkg, name string) bool {
	selected, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || selected.Sel.Name != name {
		return false
	}
	x, ok := selected.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// inBubble reports whether the file's tests run on synctest's clock, where a sleep is the way to say that time passes. Of the package
// bubble that is true of every file.
func inBubble(path string, file *ast.File) bool {
	return filepath.Base(filepath.Dir(path)) == "bubble" ||
		slices.ContainsFunc(file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == `"testing/synctest"` })
}

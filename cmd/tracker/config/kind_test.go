package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/httppoll"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

// table is the settings of a kind that is not built in.
type table struct {
	File   string        `koanf:"file" doc:"file of the table"`
	Poll   time.Duration `koanf:"poll" doc:"time between two looks"`
	Limit  uint16        `koanf:"row_limit" doc:"rows read at most"`
	Token  Secret        `koanf:"token" doc:"what opens the file"`
	Except struct {
		Words []string `koanf:"words" doc:"rows left out"`
	} `koanf:"except"`
	Now func() time.Time `koanf:"-"`
}

// tableSource is a source that does nothing.
type tableSource struct {
	source.Source
	table
}

func newTable(s table) (*tableSource, error) {
	var faults []error
	if s.File == "" {
		faults = append(faults, errors.New("table: config: File: is missing: give the path"))
	}
	if s.Limit > 9 {
		faults = append(faults, errors.New("table: row_limit: is above 9"))
	}
	if len(s.Except.Words) > 0 {
		faults = append(faults, errors.New("table: Except.Words[0]: is no row"))
	}
	if s.Poll < 0 {
		faults = append(faults, errors.New("table: cannot be: ever"))
	}
	return &tableSource{table: s}, errors.Join(faults...)
}

func tableKind() Kind { return NewKind("table", table{Poll: 5 * time.Second, Limit: 3}, newTable) }

func TestKind_ofATeamIsAsThoseBuiltIn(t *testing.T) {
	file := write(t, "f.yaml", "sources: {ledger: {kind: table, file: a.csv, token: {from_env: TOKEN}, except: {words: [x]}}}")
	in := Input{Role: RoleWorker, File: file, Kinds: []Kind{tableKind()}, Environ: []string{
		"TOKEN=" + canary, "TRACKER_SOURCES_LEDGER_POLL=7s", "TRACKER_SOURCES_LEDGER_EXCEPT_WORDS=",
	}}
	l := mustLoad(t, in)
	want := table{File: "a.csv", Poll: 7 * time.Second, Limit: 3, Token: Secret{value: canary, from: "from_env: TOKEN"}}
	want.Except.Words = []string{}
	if got := settingsOf[table](t, l, "ledger"); !reflect.DeepEqual(got, want) {
		t.Errorf("settings %+v, want %+v", got, want)
	}
	src, err := l.Sources["ledger"].New()
	if made, ok := src.(*tableSource); err != nil || !ok || made.File != "a.csv" {
		t.Errorf("source %T %v", src, err)
	}
	text, err := YAML(l.Entries(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"kind: table # ", "file: a.csv # file of the table", "poll: 7s # time between", "row_limit: 3 # rows read at most", "token: {from_env: TOKEN} # ",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if all := fmt.Sprintf("%s %v %+v %#v", text, l.Settings, l.Sources, l.Sources); strings.Contains(all, canary) {
		t.Errorf("a secret is shown: %s", all)
	}
	if _, err := Load(Input{File: file}); err == nil || !strings.Contains(err.Error(), `sources.ledger.kind: "table" does not exist`) {
		t.Errorf("where there is no such kind: %v", err)
	}
}

// TestKind_whatIsPrintedCanBeReadAgain: also of settings that have zero values where the kind has defaults.
func TestKind_whatIsPrintedCanBeReadAgain(t *testing.T) {
	for _, want := range []simulated.Config{{}, simulated.Lively(3)} {
		text, err := YAML((&Loaded{Settings: Settings{Sources: Sources{"s": Simulated(want)}}}).Entries()[len(leavesOf(reflect.TypeFor[Settings](), "")):], false)
		if err != nil {
			t.Fatal(err)
		}
		l := mustLoad(t, Input{File: write(t, "f.yaml", string(text))})
		if got := settingsOf[simulated.Config](t, l, "s"); !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v, want %+v, of\n%s", got, want, text)
		}
	}
}

func TestKind_faultsHaveTheirKeyAndPlace(t *testing.T) {
	file := write(t, "f.yaml", `
sources:
  a: {kind: table, fil: a.csv, row_limit: 70000}
  b:
    kind: table
    row_limit: 10
    except: {words: [y]}
  c: {kind: tabel}
  d: {kind: table, file: d.csv, poll: -1s}
`)
	_, err := Load(Input{Role: RoleWorker, File: file, Kinds: []Kind{tableKind()}, Environ: []string{"TRACKER_SOURCES_D_POL=1s"}})
	for _, want := range []string{
		"TRACKER_SOURCES_D_POL does not exist; nearest is TRACKER_SOURCES_D_POLL (env TRACKER_SOURCES_D_POL)",
		"sources.a.fil: does not exist; nearest is file (" + file + ":3)",
		`sources.a.row_limit: "70000" is not a whole number of 0 or more (` + file + ":3)",
		"sources.a.file: is missing: give the path (default)",
		"sources.b.row_limit: is above 9 (" + file + ":6)",
		"sources.b.except.words[0]: is no row (" + file + ":7)",
		`sources.c.kind: "tabel" does not exist; nearest is table (` + file + ":8)",
		"sources.d: table: cannot be: ever (",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	_, err = Load(Input{Kinds: []Kind{tableKind(), NewKind(KindHTTP, table{}, newTable)}})
	if err == nil || !strings.Contains(err.Error(), "two kinds of sources are called http") {
		t.Errorf("a name that is taken: %v", err)
	}
}

func TestNewKind_refusesWhatCanBeNoSetting(t *testing.T) {
	type untagged struct{ File string }
	type undescribed struct {
		File string `koanf:"file"`
	}
	type odd struct {
		File chan int `koanf:"file" doc:"d"`
	}
	type shouting struct {
		File string `koanf:"File" doc:"d"`
	}
	type private struct{ _ string }
	type twice struct {
		File string `koanf:"file" doc:"d"`
		Path string `koanf:"file" doc:"d"`
	}
	type reserved struct {
		Kind string `koanf:"kind" doc:"d"`
	}
	for name, want := range map[string]func(){
		"untagged.File: needs a koanf tag":     func() { NewKind("untagged", untagged{}, refuse[untagged]) },
		"undescribed.File: needs a doc tag":    func() { NewKind("undescribed", undescribed{}, refuse[undescribed]) },
		"chan int can be no setting":           func() { NewKind("odd", odd{}, refuse[odd]) },
		"it has \"File\"":                      func() { NewKind("shouting", shouting{}, refuse[shouting]) },
		"private._: is not exported":           func() { NewKind("private", private{}, refuse[private]) },
		"twice.Path: the key file is taken":    func() { NewKind("twice", twice{}, refuse[twice]) },
		"reserved.Kind: the key kind is taken": func() { NewKind("reserved", reserved{}, refuse[reserved]) },
		"int is no struct":                     func() { NewKind("int", 1, refuse[int]) },
		`not "no name"`:                        func() { NewKind("no name", table{}, newTable) },
	} {
		func() {
			defer func() {
				if r := recover(); !strings.Contains(fmt.Sprint(r), name) {
					t.Errorf("panic %v, want %q", r, name)
				}
			}()
			want()
		}()
	}
}

func refuse[S any](S) (*tableSource, error) { return nil, errors.New("refused") }

// unit finds the word for what a bare number counts.
var unit = regexp.MustCompile(`\b(bytes|blocks|transactions|calls|requests|requests a second|share|looks|endpoints|number)\b`)

func TestKinds_printEveryOptionWithDefaultAndUnit(t *testing.T) {
	l := mustLoad(t, Input{Role: RoleWorker})
	entries := map[string]Entry{}
	for _, e := range l.KindEntries() {
		entries[e.Key] = e
	}
	for _, k := range Builtin() {
		for _, leaf := range leavesOf(k.defaults.Type(), "") {
			key := "sources." + k.name + "." + leaf.path
			if leaf.path == "endpoints" && k.name == KindEthereum {
				key += "[0].rate"
			}
			e, ok := entries[key]
			if !ok || e.Doc == "" {
				t.Errorf("%s is not printed with what it means: %+v", key, e)
			}
			switch e.Value.(type) {
			case int, int64, uint64, float64:
				if !unit.MatchString(e.Doc) {
					t.Errorf("%s = %v: %q names no unit", key, e.Value, e.Doc)
				}
			}
		}
	}
	for key, want := range map[string]any{
		"ethereum.poll": "4s", "ethereum.window": 128, "ethereum.endpoints[0].url": "http://127.0.0.1:8545", "ethereum.drop_min_age": "30m0s",
		"ethereum.max_body": int64(10_000_000), "http.probe": "1m0s", "http.max_body": int64(1 << 20), "simulated.block_time": "1s",
		"simulated.genesis": "1970-01-01T00:00:00Z", "simulated.drop_after": uint64(16),
	} {
		if got := entries["sources."+key].Value; got != want {
			t.Errorf("%s = %v, want %v", key, got, want)
		}
	}
}

// TestKinds_everySettingArrives: each exported field of the Config of a source has a key, and what the key is set to gets there.
func TestKinds_everySettingArrives(t *testing.T) {
	var e Ethereum
	var h HTTP
	fill(reflect.ValueOf(&e).Elem())
	fill(reflect.ValueOf(&h).Elem())
	unset(t, reflect.ValueOf(e.config()), "ethereum", "Transport")
	unset(t, reflect.ValueOf(h.config()), "http", "Transport")
	for i := range reflect.TypeFor[simulated.Config]().NumField() {
		if f := reflect.TypeFor[simulated.Config]().Field(i); f.Tag.Get("koanf") == "" || f.Tag.Get("koanf") == noKey && f.Name != "Now" {
			t.Errorf("simulated: %s has no key", f.Name)
		}
	}
	for kind, pair := range map[string][2]any{
		KindEthereum: {ethereumDefaults().config(), ethereum.Defaults()}, KindHTTP: {httpDefaults().config(), httppoll.Defaults()},
	} {
		got, want := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
		for i := range got.NumField() {
			name := got.Type().Field(i).Name
			same := reflect.DeepEqual(got.Field(i).Interface(), want.Field(i).Interface())
			if !same && name != "SweepBatch" && got.Field(i).Kind() != reflect.Map {
				t.Errorf("%s: default %s is %v, want %v", kind, name, got.Field(i), want.Field(i))
			}
		}
	}
}

// fill sets everything in v to something.
func fill(v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *Secret:
		*x = NewSecret("http://h")
		return
	case *map[string]Secret:
		*x = map[string]Secret{"X": NewSecret("y")}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Uint64:
		v.SetUint(1)
	default:
		v.SetInt(1)
	}
}

// unset finds fault with the fields that nothing has arrived in.
func unset(t *testing.T, v reflect.Value, path string, except ...string) {
	t.Helper()
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if len(except) > 0 && except[0] == name {
			continue
		}
		if f.IsZero() {
			t.Errorf("%s.%s has no key that sets it", path, name)
		}
		if f.Kind() == reflect.Slice && f.Len() > 0 && f.Index(0).Kind() == reflect.Struct {
			unset(t, f.Index(0), path+"."+name)
		}
	}
}

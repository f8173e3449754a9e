package bus

import (
	"embed"
	"io/fs"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// Schemas returns the schema files of the contract: one JSON Schema (2020-12) for each body, such as start.json and
// tracker.json, and asyncapi.json, which says what travels on which subject. They refer to each other by file name.
func Schemas() fs.FS {
	files, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		panic("bus: embedded schemas: " + err.Error()) // the name is constant
	}
	return files
}

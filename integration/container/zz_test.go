package container
import ("testing";"context";"time")
func TestX(t *testing.T){
 ctx,c:=context.WithTimeout(t.Context(),6*time.Minute); defer c()
 p:=New(t); b:=time.Now(); p.root="/work/main"
 requireEngine(t); t.Cleanup(p.remove)
 if err:=buildGoImage(ctx,p.images[0],p.label());err!=nil{t.Fatal(err)}
 t.Log("go",time.Since(b))
 if err:=buildNATSImage(ctx,p.images[1],p.label(),t.TempDir());err!=nil{t.Fatal(err)}
 t.Log("nats",time.Since(b))
 p.Compose(ctx,"build","--force-rm")
 t.Log("all",time.Since(b))
 b=time.Now()
 p.Compose(ctx,"up","--detach","--scale","worker=2"); t.Log("up",time.Since(b))
 t.Log(p.Compose(ctx,"ps"))
 time.Sleep(8*time.Second)
 t.Log(p.Compose(ctx,"ps"))
 t.Log(p.Compose(ctx,"logs","--tail","5"))
}

#include "api/dashboard.h"

namespace longshore::api {

namespace {

constexpr std::string_view page = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
 <meta name="viewport" content="width=device-width,initial-scale=1">
<title>Longshore</title>
<style>
:root{--ink:#1d2733;--soft:#66727f;--line:#e3e8ed;--ground:#f6f8fa;--blue:#1f6feb;--good:#1a7f4b;
 --warn:#9a6700;--bad:#c1352b}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,
 sans-serif}
header{background:#fff;border-bottom:1px solid var(--line);padding:14px 24px;display:flex;gap:16px;
 align-items:center;flex-wrap:wrap}
h1{font-size:19px;margin:0}header .what{color:var(--soft);flex:1}
main{max-width:1100px;margin:22px auto;padding:0 24px}
form{display:flex;gap:8px}input,select,button{font:inherit;padding:5px 10px;border:1px solid #c9d1d9;
 border-radius:6px;background:#fff;color:inherit}
button{background:var(--blue);border-color:var(--blue);color:#fff;cursor:pointer}button.plain{
 background:#fff;color:var(--blue)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin-bottom:22px}
.card{background:#fff;border:1px solid var(--line);border-radius:8px;padding:12px 14px}
.card b{display:block;font-size:23px;font-weight:600;line-height:1.25;overflow-wrap:anywhere}.card span{
 color:var(--soft);font-size:13px}
section{background:#fff;border:1px solid var(--line);border-radius:8px;margin-bottom:22px;overflow-x:auto}
section>div{display:flex;justify-content:space-between;align-items:center;padding:10px 14px;
 border-bottom:1px solid var(--line)}
h2{font-size:15px;margin:0}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:7px 14px;border-bottom:1px solid var(--line);vertical-align:top}
 tr:last-child td{border-bottom:0}
th{color:var(--soft);font-weight:500;font-size:13px}td.n{font-variant-numeric:tabular-nums}
.synced,.following,.well{color:var(--good)}.pending,.started,.connecting,.attention,.away,.parked{color:
 var(--warn)}.failed,.refused,.unauthorized,.halted,.error,.failing{color:var(--bad)}
.note{padding:10px 14px;color:var(--soft)}#say{margin-bottom:16px;color:var(--bad)}[hidden]{
 display:none!important}
</style></head><body>
<header><h1>Longshore</h1><span class="what" id="what">container registry replication</span>
<form id="enter"><input id="token" type="password" placeholder="admin token"
 autocomplete="off" aria-label="admin token">
<button>Show</button></form></header>
<main><p id="say" role="alert"></p><div id="all" hidden>
<section><div><h2>This site is <b id="verdict"></b></h2></div><table id="to_do"></table></section>
<div class="cards" id="cards"></div>
<section id="s_failed"><div><h2>Failed</h2></div><table id="failed"></table>
<div class="note" id="more_failed" hidden>longshore items --state failed shows all</div></section>
<section id="s_parked"><div><h2>Parked</h2></div><table id="parked"></table>
<div class="note" id="more_parked" hidden>longshore items --state parked shows all</div></section>
<section id="s_sources"><div><h2>Sources</h2></div><table id="sources"></table></section>
<section id="s_sites"><div><h2>Following sites</h2></div><table id="sites"></table></section>
<section id="s_jobs"><div><h2>Being synced</h2></div><table id="jobs"></table></section>
<section><div><h2>Repositories</h2><select id="state" aria-label="state"><option value="">all states</option>
<option>pending</option><option>started</option><option>synced</option><option>failed</option>
<option>skipped</option><option>troubled</option></select></div>
<table id="repos"></table>
<div class="note" id="more" hidden><button class="plain" id="next">More</button></div></section>
</div></main>
<script>
"use strict";
const $=id=>document.getElementById(id);let token=sessionStorage.getItem("token")||"",next=null,timer=0;
async function ask(path){const r=await fetch(path,{headers:{Authorization:"Bearer "+token}});
 if(!r.ok){const said=await r.json().catch(()=>null);
 throw new Error(said?.errors?.[0]?.message??r.status+" "+r.statusText)}return r.json()}
function row(to,cells,head){const tr=to.insertRow();for(const c of cells){
 const td=document.createElement(head?"th":"td");
 const [text,cls]=Array.isArray(c)?c:[c,typeof c==="number"?"n":""];
 td.textContent=text===null||text===undefined?"\u2013":typeof text==="number"?text.toLocaleString():text;
 if(cls)td.className=cls;tr.append(td)}}
function table(id,head,rows){const t=$(id);t.replaceChildren();
 $("s_"+id)&&($("s_"+id).hidden=!rows.length);if(!rows.length)return;row(t,head,true);
 rows.forEach(r=>row(t,r))}
function when(t){return t?new Date(t).toLocaleString():null}
function card(value,name,cls){const d=document.createElement("div");d.className="card";
 const b=document.createElement("b");
 b.textContent=typeof value==="number"?value.toLocaleString():value;if(cls)b.className=cls;
 const s=document.createElement("span");s.textContent=name;d.append(b,s);$("cards").append(d)}
function age(n){for(const [l,u] of [[172800,"days"],[7200,"h"],[120,"min"]])if(n>=l)return Math.floor(n/{
 days:86400,h:3600,min:60}[u])+" "+u;return Math.floor(n)+" s"}
function bytes(n){const u=["B","KiB","MiB","GiB","TiB"];let i=0;while(n>=1024&&i<4){n/=1024;i++}
 return n.toFixed(i?1:0)+" "+u[i]}
function verified(v){const l=v.last;if(!l)return card("none","verification asked for since the start; "+
 v.looks_by_itself.toLocaleString()+" looks by itself");
 card(l.clean.toLocaleString()+" of "+l.repositories.toLocaleString(),l.running?"equal, verification running":
 "equal, "+l.mismatches.toLocaleString()+" mismatches, verified "+when(l.finished))}
async function items(state,any){$("s_"+state).hidden=!any;if(!any)return;
 const p=await ask("/v1/items?limit=20&state="+state);table(state,["Repository","Reference","Reason","What to do"],
 p.items.map(x=>[x.repository,x.reference||null,x.reason,x.remedy]));$("more_"+state).hidden=!p.next}
async function status(){const s=await ask("/v1/status");
 $("what").textContent=s.site+" \u00b7 "+s.role+" \u00b7 version "+s.version;
 $("cards").replaceChildren();card(s.log.size,"events in the log");const r=s.repositories;
 if("synced" in r){
 for(const k of ["synced","pending","started","failed"])card(r[k],"repositories "+k,r[k]?k:"");
 card(r.parked_items,"parked items");card(r.skipped_items,"skipped items")}
 else card(r.total,"repositories in the log");$("state").hidden=!("synced" in r);
 card(s.quarantined,"in quarantine",s.quarantined?"pending":"");
 if(s.follower)card(s.follower.state,"primary",s.follower.state);
 if(s.lag){card(s.lag.events??"unknown","events not settled");card(age(s.lag.seconds),"behind");
 card((s.lag.more_open_items?"at least ":"")+s.lag.open_items.toLocaleString(),"open items"+(s.lag.
 oldest_open_item?", the oldest at seq "+s.lag.oldest_open_item.seq.toLocaleString():""))}
 if(s.verification)verified(s.verification);
 if(s.replication)card(bytes(s.replication.blobs.bytes_copied),"copied since the start");
 $("say").textContent="";const v=s.verdict;$("verdict").textContent=v.state;$("verdict").className=v.state;
 table("to_do",["What to do"],(v.to_do.length?v.to_do:["nothing"]).map(x=>[x]));
 await Promise.all([items("failed",s.replication&&r.failed+r.failed_items+r.troubled),items("parked",r.parked_items)]);
 table("sources",["Source","Last event","Appended","Duplicates","Quarantined","Wrong token","Refused"],
 (s.sources||[]).map(x=>[x.name,when(x.last_event),x.appended,x.duplicates,x.quarantined,x.unauthorized,
 x.too_large+x.unavailable]));
 table("sites",["Site","Events taken","Behind","Last report"],s.sites.map(x=>[x.name,x.size,x.lag_events,
 when(x.reported)??"none since the start"]));
 table("jobs",["Repository","Since","Published","Sent"],
 (s.replication?s.replication.running:[]).map(x=>[x.repository,when(x.started),x.published,
 bytes(x.bytes_sent)]))}
async function repos(more){const q=new URLSearchParams({limit:"100"});if($("state").value)q.set("state",
 $("state").value);if(more&&next)q.set("last",next);
 const p=await ask("/v1/repositories?"+q);if(!more){$("repos").replaceChildren();row($("repos"),
 ["Repository","State","Synced at","Newest","Last synced","Retries","Failure"],true)}
 for(const r of p.repositories)row($("repos"),[r.name,[r.state,r.state],r.synced_seq,r.newest_seq,
 when(r.last_synced_at),r.retry_count,
  r.skipped_by||r.last_sync_failure||(r.parked_items?r.parked_items+" parked":null)]);
 next=p.next;$("more").hidden=!next}
async function show(){clearTimeout(timer);try{await status();if($("all").hidden)await repos(false);
 $("all").hidden=false;sessionStorage.setItem("token",token)}
 catch(e){$("say").textContent=e.message}timer=setTimeout(show,5000)}
$("enter").addEventListener("submit",e=>{e.preventDefault();token=$("token").value.trim();
 $("all").hidden=true;show()});
$("state").addEventListener("change",()=>repos(false).catch(e=>$("say").textContent=e.message));
$("next").addEventListener("click",()=>repos(true).catch(e=>$("say").textContent=e.message));
if(token)show();
</script></body></html>
)html";

boost::asio::awaitable<void> show(exchange& x) {
  answer a;
  a.content_type = "text/html; charset=utf-8";
  a.headers.emplace_back("Cache-Control", "no-cache");
  a.headers.emplace_back("Content-Security-Policy",
                         "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                         "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'");
  a.headers.emplace_back("X-Content-Type-Options", "nosniff");
  a.headers.emplace_back("Referrer-Policy", "no-referrer");
  a.body = page;
  x.reply(std::move(a));
  co_return;
}

}  // namespace

void mount_dashboard(router& to) {
  route r;
  r.method = "GET";
  r.pattern = "/";
  r.handle = show;
  r.body_bytes_max = 0;
  to.add(std::move(r));
}

}  // namespace longshore::api
